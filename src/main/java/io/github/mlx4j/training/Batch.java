package io.github.mlx4j.training;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences of your own in place of the data's.
 *
 * @param tokens the token ids of each sequence, two or more
 * @param from for each sequence the first token that counts in the loss, 1 or more; {@code null}, the default, is 1 for
 *     all: the first token has nothing to be told from
 */
public record Batch(List<List<Integer>> tokens, @Nullable List<Integer> from) {

    /** Takes immutable copies. */
    public Batch {
        tokens = tokens.stream().map(List::copyOf).toList();
        from = from == null ? null : List.copyOf(from);
    }

    /** Sequences in which every token but the first counts. */
    public static Batch of(List<List<Integer>> tokens) {
        return new Batch(tokens, null);
    }
}
