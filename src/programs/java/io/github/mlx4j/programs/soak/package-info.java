/** A long run under load and with faults; {@code scripts/soak} starts it. */
@NullMarked
package io.github.mlx4j.programs.soak;

import org.jspecify.annotations.NullMarked;
