package io.github.mlx4j.programs.bench;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Records an answer while it arrives. */
final class Recording {

    final long sent = System.nanoTime();
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokens = new ArrayList<>();
    private final List<Long> arrivals = new ArrayList<>();
    private int counted = -1;

    /** Records a piece of the answer; pieces without tokens and text are ignored. */
    void piece(String piece, List<Integer> ids) {
        if (!piece.isEmpty() || !ids.isEmpty()) {
            arrivals.add(System.nanoTime() - sent);
            text.append(piece);
            tokens.addAll(ids);
        }
    }

    /** Sets the number of tokens reported by an arm that does not report token IDs. */
    void count(int tokens) {
        counted = tokens;
    }

    boolean isCounted() {
        return counted >= 0;
    }

    Answer answer() {
        return answer(null);
    }

    Answer lost(Exception why) {
        return answer(why.toString());
    }

    private Answer answer(@Nullable String lost) {
        return new Answer(
                text.toString(),
                tokens.isEmpty() ? null : List.copyOf(tokens),
                tokens.isEmpty() ? Math.max(0, counted) : tokens.size(),
                arrivals.stream().mapToLong(Long::longValue).toArray(),
                System.nanoTime() - sent,
                lost);
    }
}
