package io.github.mlx4j.generation;

import java.util.List;

/**
 * The log probability of a generated token according to the model, before penalties, bias, response format and
 * temperature.
 *
 * @param token the token's id
 * @param logProb the natural logarithm of its probability
 * @param top the most probable tokens at this position, in descending order; as many as requested
 */
public record TokenLogProb(int token, double logProb, List<Candidate> top) {

    /**
     * An alternative token at the same position.
     *
     * @param token its id
     * @param text its text; may be an incomplete character
     * @param logProb the natural logarithm of its probability
     */
    public record Candidate(int token, String text, double logProb) {}

    /** Takes an immutable copy. */
    public TokenLogProb {
        top = List.copyOf(top);
    }
}
