/** Programs that {@code scripts/acceptance} starts. */
@NullMarked
package io.github.mlx4j.acceptance;

import org.jspecify.annotations.NullMarked;
