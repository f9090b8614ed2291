/** Benchmarks of mlx4j and other ways to use the same engine, started by {@code scripts/bench}. */
@NullMarked
package io.github.mlx4j.programs.bench;

import org.jspecify.annotations.NullMarked;
