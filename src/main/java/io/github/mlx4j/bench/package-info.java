/** Benchmarks that compare models on this machine: time, memory and power. */
@NullMarked
package io.github.mlx4j.bench;

import org.jspecify.annotations.NullMarked;
