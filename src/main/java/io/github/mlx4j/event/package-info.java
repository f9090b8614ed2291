/** Listeners: calls, worker status and memory, and the state of circuit breakers. */
@NullMarked
package io.github.mlx4j.event;

import org.jspecify.annotations.NullMarked;
