package io.github.mlx4j.training;

import java.time.Duration;

/**
 * The progress of a run.
 *
 * @param step the step that has just been completed
 * @param totalSteps how many steps the run has in total
 * @param tokensPerSecond throughput of the steps since the run was started or resumed, counting only tokens that count
 *     in the loss
 * @param remaining estimated duration of the remaining steps, based on the mean so far
 */
public record TrainingProgress(TrainingStep step, int totalSteps, double tokensPerSecond, Duration remaining) {}
