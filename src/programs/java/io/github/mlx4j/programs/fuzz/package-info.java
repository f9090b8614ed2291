/** Runs the fuzz tests' inputs for a given time and with a given seed; {@code scripts/fuzz} starts it. */
@NullMarked
package io.github.mlx4j.programs.fuzz;

import org.jspecify.annotations.NullMarked;
