package io.github.mlx4j.generation;

import java.util.List;

/**
 * How likely a generated token was, by the model itself: before penalties, bias, response format and temperature.
 *
 * @param token the token's id
 * @param logProb the natural logarithm of its probability
 * @param top the likeliest tokens in its place, likeliest first; as many as were asked for
 */
public record TokenLogProb(int token, double logProb, List<Candidate> top) {

    /**
     * A token that could have been chosen.
     *
     * @param token its id
     * @param text its text; may be half of a character
     * @param logProb the natural logarithm of its probability
     */
    public record Candidate(int token, String text, double logProb) {}

    /** Takes an immutable copy. */
    public TokenLogProb {
        top = List.copyOf(top);
    }
}
