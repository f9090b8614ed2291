package io.github.mlx4j.port;

import java.util.List;

/**
 * How probable a completion is.
 *
 * @param promptTokens how many tokens the prompt has
 * @param tokens those of the completion
 * @param logProbs the log-probability (natural logarithm) of each of them, after all before it
 * @param greedy whether each of them is the most probable one in its place
 */
public record Score(int promptTokens, List<Integer> tokens, List<Double> logProbs, boolean greedy) {

    /** Takes immutable copies. */
    public Score {
        tokens = List.copyOf(tokens);
        logProbs = List.copyOf(logProbs);
    }

    /** The log-probability of the whole completion. */
    public double logProb() {
        return logProbs.stream().mapToDouble(Double::doubleValue).sum();
    }
}
