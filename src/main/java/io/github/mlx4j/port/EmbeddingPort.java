package io.github.mlx4j.port;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NotSupportedException;
import java.util.List;

/**
 * Computes embeddings of texts, to compare their meaning. Compare only embeddings of the same model.
 *
 * <p>A local model follows the sentence-transformers files in its folder: pooling, dense layers, normalization, prompts
 * and maximum length. Without such files, a few models are recognized by their type and name; for others the embedding
 * is the mean of the last hidden states of the tokens, and the worker logs a warning. {@link ModelDetails#embeddings()}
 * reports the method and its origin. If the files require something unsupported, calls fail with an error that names
 * it. A remote provider's server decides how it computes embeddings.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s. An interrupt cancels a call, which then throws
 * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
 */
public interface EmbeddingPort {

    /**
     * Computes the embedding of each text, with the model's default prompt prepended if it has one. The vectors are in
     * the order of the texts and have the same length.
     *
     * @param texts 1 to 4096 texts, none without tokens
     */
    List<float[]> embed(List<String> texts);

    /**
     * Computes the embedding of each text with a named prompt prepended. Retrieval models often have one prompt for
     * queries and one for documents.
     *
     * @param promptName one of {@link EmbeddingDetails#prompts()}; every local model has {@code query} and
     *     {@code document}, which are empty unless its folder defines them
     * @throws InvalidRequestException if the model has no prompt of this name; the hint lists its prompts
     * @throws NotSupportedException if this port does not support prompts, as with remote providers
     */
    default List<float[]> embed(List<String> texts, String promptName) {
        throw new NotSupportedException(
                "The prompt " + promptName + " can't be used: this port does not support prompts.",
                "Omit the prompt name, and prepend the prompt to each text.");
    }

    /** Computes the embedding of one text. */
    default float[] embed(String text) {
        return embed(List.of(text)).get(0);
    }

    /** Computes the embedding of one text with a named prompt prepended. */
    default float[] embed(String text, String promptName) {
        return embed(List.of(text), promptName).get(0);
    }
}
