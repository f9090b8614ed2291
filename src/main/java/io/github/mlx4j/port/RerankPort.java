package io.github.mlx4j.port;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import java.util.List;

/**
 * Scores the relevance of documents to a query with a reranking model. Only scores of the same model are comparable.
 *
 * <p>Thread-safe: one port serves any number of callers at once. An interrupt cancels a call, which then throws
 * {@link CancelledException}; the thread's interrupt flag stays set.
 */
public interface RerankPort {

    /** The maximum number of documents in a request. */
    int MAX_DOCUMENTS = 1024;

    /**
     * Scores each document.
     *
     * @throws InvalidRequestException if there are no documents or too many, or if a text is blank
     * @throws ContextOverflowException if a document is too long for the model together with the query, and the request
     *     does not allow the model to truncate it; the message contains the document's index
     * @throws NotSupportedException if the model is not a reranker or does not support an instruction
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    RerankResult rerank(RerankRequest request);

    /** Scores each document, with the model's own instruction. */
    default RerankResult rerank(String query, List<String> documents) {
        return rerank(RerankRequest.of(query, documents));
    }
}
