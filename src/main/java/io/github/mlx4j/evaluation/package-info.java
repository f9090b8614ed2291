/** Whether two models are the same, and which of two answers better: figures, and how sure they are. */
@NullMarked
package io.github.mlx4j.evaluation;

import org.jspecify.annotations.NullMarked;
