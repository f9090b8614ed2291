package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code saveAdapter} and {@code saveModel}.
 *
 * @param bytes how many bytes were written
 * @param warnings what the user should know
 */
public record SavedResult(long bytes, List<String> warnings) {
    /** No warnings may be left out. */
    public SavedResult {
        warnings = Objects.requireNonNullElse(warnings, List.of());
    }
}
