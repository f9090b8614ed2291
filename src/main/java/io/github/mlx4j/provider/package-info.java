/** Providers, backends and the roles of models. */
@NullMarked
package io.github.mlx4j.provider;

import org.jspecify.annotations.NullMarked;
