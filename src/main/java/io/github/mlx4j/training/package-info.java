/**
 * Training: either step by step with a {@link io.github.mlx4j.training.TrainingSession}, or as a run with
 * {@link io.github.mlx4j.training.Trainer}, whose folder holds settings, metrics, checkpoints and a report.
 */
@NullMarked
package io.github.mlx4j.training;

import org.jspecify.annotations.NullMarked;
