package io.github.mlx4j.training;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences to use instead of the next batch of the data.
 *
 * @param tokens the token ids of each sequence, at least two per sequence
 * @param from for each sequence, the index of the first token that counts in the loss, 1 or more; {@code null}, the
 *     default, means 1 for all, since there is nothing to predict the first token from
 */
public record Batch(List<List<Integer>> tokens, @Nullable List<Integer> from) {

    /** Copies the lists. */
    public Batch {
        tokens = tokens.stream().map(List::copyOf).toList();
        from = from == null ? null : List.copyOf(from);
    }

    /** Creates a batch in which every token but the first counts in the loss. */
    public static Batch of(List<List<Integer>> tokens) {
        return new Batch(tokens, null);
    }
}
