/** Remote providers, called through LangChain4j's modules. A module is needed only if its provider is used. */
@NullMarked
package io.github.mlx4j.remote;

import org.jspecify.annotations.NullMarked;
