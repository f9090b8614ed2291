/** Benchmarks of models on this machine: time, memory and power, side by side. */
@NullMarked
package io.github.mlx4j.bench;

import org.jspecify.annotations.NullMarked;
