package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code rerank}.
 *
 * @param scores the score of each document
 * @param probabilities whether they are from 0 to 1
 * @param promptTokens how many tokens the model read
 */
public record RerankScores(List<Double> scores, Boolean probabilities, Integer promptTokens) {
    /** There must be all, and scores that are numbers. */
    public RerankScores {
        scores = List.copyOf(Objects.requireNonNull(scores, "there are no scores"));
        Objects.requireNonNull(probabilities, "there is no probabilities");
        Objects.requireNonNull(promptTokens, "there are no promptTokens");
    }
}
