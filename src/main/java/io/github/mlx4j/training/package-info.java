/**
 * Training: step by step in a {@link io.github.mlx4j.training.TrainingSession}, or as a run in a folder with settings,
 * metrics, checkpoints and a report ({@link io.github.mlx4j.training.Trainer}).
 */
@NullMarked
package io.github.mlx4j.training;

import org.jspecify.annotations.NullMarked;
