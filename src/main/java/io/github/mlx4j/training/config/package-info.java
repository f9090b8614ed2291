/** Configuration of a training run: method, optimizer, schedule, batch sizes and adapter format. */
@NullMarked
package io.github.mlx4j.training.config;

import org.jspecify.annotations.NullMarked;
