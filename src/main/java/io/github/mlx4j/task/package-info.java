/** Ports for working with tasks, and implementations that work with any text generation model. */
@NullMarked
package io.github.mlx4j.task;

import org.jspecify.annotations.NullMarked;
