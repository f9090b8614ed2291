package io.github.mlx4j.port;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Documents to be scored for a query. Immutable. Values are checked when the request is sent.
 *
 * @param query what the documents are scored for; not blank
 * @param documents 1 to {@value RerankPort#MAX_DOCUMENTS} texts, none blank
 * @param instruction the task in one sentence, best in English; {@code null} is the model's own. A classifier without a
 *     prompt takes none
 * @param truncate whether the end of a document that is too long for the model is dropped; otherwise such a document
 *     fails the request
 */
public record RerankRequest(
        String query, List<String> documents, @Nullable String instruction, boolean truncate) {

    /** Takes an immutable copy. */
    public RerankRequest {
        documents = List.copyOf(documents);
    }

    /** A request with the model's own instruction, in which a document that is too long is an error. */
    public static RerankRequest of(String query, List<String> documents) {
        return new RerankRequest(query, documents, null, false);
    }

    /** The same with another instruction. */
    public RerankRequest withInstruction(@Nullable String instruction) {
        return new RerankRequest(query, documents, instruction, truncate);
    }

    /** The same, with documents that are too long truncated or refused. */
    public RerankRequest withTruncate(boolean truncate) {
        return new RerankRequest(query, documents, instruction, truncate);
    }
}
