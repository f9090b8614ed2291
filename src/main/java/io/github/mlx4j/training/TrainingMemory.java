package io.github.mlx4j.training;

import org.jspecify.annotations.Nullable;

/**
 * Memory by the engine's own count, in bytes; {@code null} is not known.
 *
 * @param activeBytes in use
 * @param peakBytes the most that was in use since the call before
 */
public record TrainingMemory(
        @Nullable Long activeBytes, @Nullable Long peakBytes) {}
