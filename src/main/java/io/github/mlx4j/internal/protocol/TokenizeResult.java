package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code tokenize}.
 *
 * @param tokens the ids
 */
public record TokenizeResult(List<Integer> tokens) {
    /** Takes an immutable copy. */
    public TokenizeResult {
        tokens = List.copyOf(Objects.requireNonNull(tokens, "there are no tokens"));
    }
}
