/** Remote providers through LangChain4j's modules, each of which is only needed where its provider is used. */
@NullMarked
package io.github.mlx4j.remote;

import org.jspecify.annotations.NullMarked;
