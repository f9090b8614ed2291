/** A long run under load and faults; {@code scripts/soak} starts it. */
@NullMarked
package io.github.mlx4j.soak;

import org.jspecify.annotations.NullMarked;
