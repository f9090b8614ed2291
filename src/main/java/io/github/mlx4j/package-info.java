/** The entry point {@link io.github.mlx4j.ProviderFactory}, and its configuration. */
@NullMarked
package io.github.mlx4j;

import org.jspecify.annotations.NullMarked;
