package io.github.mlx4j.training;

import org.jspecify.annotations.Nullable;

/**
 * Memory usage as reported by the engine, in bytes; {@code null} means unknown.
 *
 * @param activeBytes the memory in use
 * @param peakBytes the peak memory since the previous call
 */
public record TrainingMemory(
        @Nullable Long activeBytes, @Nullable Long peakBytes) {}
