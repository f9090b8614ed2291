package io.github.mlx4j.port;

import java.util.List;

/**
 * The log probabilities of a completion.
 *
 * @param promptTokens the number of tokens in the prompt
 * @param tokens the token ids of the completion
 * @param logProbs the natural log probability of each token, given the tokens before it
 * @param greedy whether each token is the most probable one at its position
 */
public record Score(int promptTokens, List<Integer> tokens, List<Double> logProbs, boolean greedy) {

    /** Takes immutable copies. */
    public Score {
        tokens = List.copyOf(tokens);
        logProbs = List.copyOf(logProbs);
    }

    /** The log probability of the whole completion. */
    public double logProb() {
        return logProbs.stream().mapToDouble(Double::doubleValue).sum();
    }
}
