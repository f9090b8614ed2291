package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code trainStep}, {@code accumulate}, {@code validate} and {@code gradients}.
 *
 * @param batch sequences in place of the data's, or {@code null} for those
 * @param batches how many batches of the data to validate on, or {@code null} for all
 * @param file where the gradients go, or {@code null}
 */
public record BatchParams(
        @Nullable Sequences batch,
        @Nullable Integer batches,
        @Nullable String file) {

    /** The data's own batches. */
    public static final BatchParams NONE = new BatchParams(null, null, null);

    /**
     * Sequences.
     *
     * @param tokens the token ids of each
     * @param from the first token of each that counts in the loss, or {@code null} for 1
     */
    public record Sequences(
            List<List<Integer>> tokens, @Nullable List<Integer> from) {}
}
