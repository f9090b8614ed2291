package io.github.mlx4j.internal.protocol;

import java.util.Objects;

/**
 * Result of {@code saveCheckpoint} and {@code loadCheckpoint}.
 *
 * @param step how many steps were done
 * @param bytes how many bytes were written, 0 by a load
 */
public record CheckpointResult(Integer step, long bytes) {
    /** There must be a step. */
    public CheckpointResult {
        Objects.requireNonNull(step, "there is no step");
    }
}
