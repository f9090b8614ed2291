package io.github.mlx4j.programs.bench;

import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One answer as its caller saw it. Times are nanoseconds since the request was sent.
 *
 * @param text the text
 * @param tokens the token ids, or {@code null} where the arm does not tell them
 * @param count how many tokens there were, by ids or by the arm's own count
 * @param arrivals when each piece came; the first is the first token's
 * @param end when the answer was over
 * @param lost why there is no (whole) answer, or {@code null}
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

    /** Time to first token. */
    double firstMs() {
        return arrivals[0] / MS;
    }

    /** Time per output token: what came after the first token, by the tokens after the first. */
    double perTokenMs() {
        return (arrivals[arrivals.length - 1] - arrivals[0]) / MS / Math.max(1, count - 1);
    }

    /** The time between each piece and the next. */
    double[] gapsMs() {
        return IntStream.range(1, arrivals.length)
                .mapToDouble(i -> (arrivals[i] - arrivals[i - 1]) / MS)
                .toArray();
    }

    /** Whether both said the same, by ids where both have them. */
    boolean sameAs(Answer other) {
        return tokens != null && other.tokens != null ? tokens.equals(other.tokens) : text.equals(other.text);
    }
}
