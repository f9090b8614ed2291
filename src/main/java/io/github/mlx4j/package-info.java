/** The way in: {@link io.github.mlx4j.ProviderFactory}, and the configuration that it reads. */
@NullMarked
package io.github.mlx4j;

import org.jspecify.annotations.NullMarked;
