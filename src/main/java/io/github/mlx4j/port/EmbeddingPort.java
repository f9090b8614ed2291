package io.github.mlx4j.port;

import java.util.List;

/**
 * Vectors of texts, to compare their meaning by. Texts that are to be compared must have their vectors from the same
 * model.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s. An interrupt cancels a call, which then throws
 * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
 */
public interface EmbeddingPort {

    /**
     * Waits for the vector of each text: the mean of the model's last hidden states over the text's tokens. They are in
     * the order of the texts, and all of one length. They are not normalized. Those of a remote provider are as its
     * server makes them.
     *
     * @param texts 1 to 4096 texts, none empty
     */
    List<float[]> embed(List<String> texts);

    /** Waits for the vector of one text. */
    default float[] embed(String text) {
        return embed(List.of(text)).get(0);
    }
}
