/** Programs that {@code scripts/acceptance} starts. */
@NullMarked
package io.github.mlx4j.programs.acceptance;

import org.jspecify.annotations.NullMarked;
