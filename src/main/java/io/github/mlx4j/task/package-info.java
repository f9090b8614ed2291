/** Task ports, and their implementations over any model that generates text. */
@NullMarked
package io.github.mlx4j.task;

import org.jspecify.annotations.NullMarked;
