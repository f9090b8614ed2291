package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * A piece of an answer.
 *
 * @param id the request's id
 * @param seq counts from 0 without gaps
 * @param kind {@code text} or {@code thinking}
 * @param text the text; characters are whole
 * @param tokens the ids that this text completes
 * @param logProbs of each of the tokens; empty where not asked for
 */
public record Chunk(String id, int seq, String kind, String text, List<Integer> tokens, List<LogProbData> logProbs) {

    /** A worker of an older minor version knows neither kinds nor log-probabilities. */
    public Chunk {
        kind = Objects.requireNonNullElse(kind, "text");
        logProbs = Objects.requireNonNullElse(logProbs, List.of());
    }

    /**
     * How likely a token was.
     *
     * @param logProb the natural logarithm of its probability
     * @param top the likeliest tokens in its place, likeliest first
     */
    public record LogProbData(double logProb, List<TopToken> top) {

        /** A worker may leave out an empty list. */
        public LogProbData {
            top = Objects.requireNonNullElse(top, List.of());
        }
    }

    /**
     * A token that could have been chosen.
     *
     * @param token its id
     * @param text its text
     * @param logProb the natural logarithm of its probability
     */
    public record TopToken(int token, String text, double logProb) {}
}
