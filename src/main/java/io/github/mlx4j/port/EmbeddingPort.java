package io.github.mlx4j.port;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NotSupportedException;
import java.util.List;

/**
 * Vectors of texts, to compare their meaning by. Texts that are to be compared must have their vectors from the same
 * model.
 *
 * <p>A local model makes them as its folder says in the files of sentence-transformers: pooling, dense layers,
 * normalization, prompts and the length to which texts are cut. Where the folder has no such files, a few models are
 * recognized by their type and name; otherwise the vector is the mean of the last hidden states over the text's tokens,
 * and the worker logs a warning. {@link ModelDetails#embeddings()} reports what is applied, and where that comes from.
 * If the files ask for something unknown, calls fail with an error that names it. The vectors of a remote provider are
 * as its server makes them.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s. An interrupt cancels a call, which then throws
 * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
 */
public interface EmbeddingPort {

    /**
     * Waits for the vector of each text, with the model's default prompt before it, if it has one. They are in the
     * order of the texts, and all of one length.
     *
     * @param texts 1 to 4096 texts, none without tokens
     */
    List<float[]> embed(List<String> texts);

    /**
     * The same with a named prompt before each text. Models for retrieval often have one for queries, and one for the
     * documents that are searched.
     *
     * @param promptName one of {@link EmbeddingDetails#prompts()}; every local model has {@code query} and
     *     {@code document}, which are empty where its folder doesn't say otherwise
     * @throws InvalidRequestException if the model has no prompt of this name; the hint lists those that it has
     * @throws NotSupportedException if this port does not support prompts, such as that of a remote provider
     */
    default List<float[]> embed(List<String> texts, String promptName) {
        throw new NotSupportedException(
                "The prompt " + promptName + " can't be used: this port does not support prompts.",
                "Leave it out, and put the prompt's text before each text.");
    }

    /** Waits for the vector of one text. */
    default float[] embed(String text) {
        return embed(List.of(text)).get(0);
    }

    /** Waits for the vector of one text with a named prompt before it. */
    default float[] embed(String text, String promptName) {
        return embed(List.of(text), promptName).get(0);
    }
}
