/** mlx4j side by side with other ways to the same engine; {@code scripts/bench} starts it. */
@NullMarked
package io.github.mlx4j.programs.bench;

import org.jspecify.annotations.NullMarked;
