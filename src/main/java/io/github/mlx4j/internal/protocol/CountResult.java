package io.github.mlx4j.internal.protocol;

import java.util.Objects;

/**
 * Result of {@code countTokens}.
 *
 * @param count how many there are
 */
public record CountResult(Integer count) {
    /** There must be one. */
    public CountResult {
        Objects.requireNonNull(count, "there is no count");
    }
}
