package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code score}.
 *
 * @param promptTokens how many tokens the prompt has
 * @param tokens those of the completion
 * @param logProbs the log-probability of each of them
 * @param greedy whether each of them is the most probable one
 */
public record ScoreResult(Integer promptTokens, List<Integer> tokens, List<Double> logProbs, Boolean greedy) {
    /** There must be all, and one log-probability for each token. */
    public ScoreResult {
        Objects.requireNonNull(promptTokens, "there are no promptTokens");
        Objects.requireNonNull(greedy, "there is no greedy");
        tokens = List.copyOf(Objects.requireNonNull(tokens, "there are no tokens"));
        logProbs = List.copyOf(Objects.requireNonNull(logProbs, "there are no logProbs"));
        if (tokens.size() != logProbs.size()) {
            throw new IllegalArgumentException(
                    "%d tokens have %d log-probabilities".formatted(tokens.size(), logProbs.size()));
        }
    }
}
