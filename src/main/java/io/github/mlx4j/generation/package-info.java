/** Requests for text, their results, and the events and streams in between. */
@NullMarked
package io.github.mlx4j.generation;

import org.jspecify.annotations.NullMarked;
