/** Comparison of two models: whether their logits agree, and which one answers better. */
@NullMarked
package io.github.mlx4j.compare;

import org.jspecify.annotations.NullMarked;
