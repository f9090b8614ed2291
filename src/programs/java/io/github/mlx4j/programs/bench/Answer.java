package io.github.mlx4j.programs.bench;

import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One answer as its caller received it. Times are nanoseconds since the request was sent.
 *
 * @param text the text
 * @param tokens the token IDs, or {@code null} if the arm does not report them
 * @param count the number of tokens, counted by IDs or reported by the arm
 * @param arrivals when each piece arrived; the first one is the first token's
 * @param end when the answer ended
 * @param lost why there is no complete answer, or {@code null}
 */
record Answer(
        String text,
        @Nullable List<Integer> tokens,
        int count,
        long[] arrivals,
        long end,
        @Nullable String lost) {

    private static final double MS = 1e6;

    boolean isWhole() {
        return lost == null && arrivals.length > 0;
    }

    /** Returns whether there is a time per token: an answer that ended with its first token has none. */
    boolean hasTimePerToken() {
        return isWhole() && count > 1 && arrivals.length > 1;
    }

    /** Returns the time to first token in milliseconds. */
    double firstMs() {
        return arrivals[0] / MS;
    }

    /**
     * Returns the time per output token in milliseconds: the time after the first token divided by the number of later
     * tokens.
     */
    double perTokenMs() {
        return (arrivals[arrivals.length - 1] - arrivals[0]) / MS / (count - 1);
    }

    /** Returns the time between consecutive pieces, in milliseconds. */
    double[] gapsMs() {
        return IntStream.range(1, arrivals.length)
                .mapToDouble(i -> (arrivals[i] - arrivals[i - 1]) / MS)
                .toArray();
    }

    /** Returns whether both answers are equal; they are compared by token IDs if both have them. */
    boolean sameAs(Answer other) {
        return tokens != null && other.tokens != null ? tokens.equals(other.tokens) : text.equals(other.text);
    }
}
