/** Runs the fuzz tests' inputs for a given time and with given seeds; started by {@code scripts/fuzz}. */
@NullMarked
package io.github.mlx4j.programs.fuzz;

import org.jspecify.annotations.NullMarked;
