package io.github.mlx4j.remote;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** Computes embeddings through LangChain4j. */
final class RemoteVectors {

    /** The maximum response size per embedding, in bytes: 16,384 numbers of up to 32 characters. */
    private static final long MAX_VECTOR_BYTES = 16_384 * 32;

    private static final long MAX_BYTES = 1 << 30;

    private RemoteVectors() {}

    static List<float[]> of(Connection connection, Vendor vendor, List<String> texts) {
        AtomicReference<Mlx4jException> failure = new AtomicReference<>();
        long maxBytes = Math.min(HttpExchange.MAX_EVENT_BYTES + texts.size() * MAX_VECTOR_BYTES, MAX_BYTES);
        HttpExchange exchange = connection.open(maxBytes, failure::set);
        try {
            EmbeddingModel model = vendor.vectors(exchange);
            List<float[]> vectors = model
                    .embedAll(texts.stream().map(TextSegment::from).toList())
                    .content()
                    .stream()
                    .map(Embedding::vector)
                    .toList();
            if (vectors.size() != texts.size()) {
                throw new ProtocolException(
                        "%s returned %d vectors for %d texts."
                                .formatted(connection.faults.server(), vectors.size(), texts.size()),
                        "This is a bug in the server.");
            }
            return vectors;
        } catch (RuntimeException error) {
            Mlx4jException why = failure.get(); // LangChain4j may have wrapped the original error
            throw why != null ? why : connection.faults.of(error);
        } finally {
            exchange.release();
        }
    }
}
