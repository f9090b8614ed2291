package io.github.mlx4j.training;

import java.time.Duration;

/**
 * How far a run is.
 *
 * @param step the step that was just done
 * @param totalSteps how many it is to have
 * @param tokensPerSecond how many tokens counted for each second of its steps so far, from the start or the resume on
 * @param remaining how long the steps that are left take, at the mean so far
 */
public record TrainingProgress(TrainingStep step, int totalSteps, double tokensPerSecond, Duration remaining) {}
