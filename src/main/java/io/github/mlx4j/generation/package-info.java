/** Requests for text, their results, events and streams. */
@NullMarked
package io.github.mlx4j.generation;

import org.jspecify.annotations.NullMarked;
