package io.github.mlx4j.port;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Documents to score against a query. Immutable. Values are validated when the request is sent.
 *
 * @param query the query; not blank
 * @param documents 1 to {@value RerankPort#MAX_DOCUMENTS} texts, none blank
 * @param instruction the task in one sentence, preferably in English; {@code null} means the model's own. Not supported
 *     by classifiers without a prompt
 * @param truncate whether to truncate documents that are too long for the model; otherwise such a document fails the
 *     request
 */
public record RerankRequest(
        String query, List<String> documents, @Nullable String instruction, boolean truncate) {

    /** Takes an immutable copy. */
    public RerankRequest {
        documents = List.copyOf(documents);
    }

    /** A request with the model's own instruction, in which a document that is too long is an error. */
    public static RerankRequest of(String query, List<String> documents) {
        return builder(query, documents).build();
    }

    /** A builder that by default uses the model's own instruction and rejects documents that are too long. */
    public static Builder builder(String query, List<String> documents) {
        return new Builder(query, documents);
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return builder(query, documents).instruction(instruction).truncate(truncate);
    }

    /** Builds a {@link RerankRequest}. Not thread-safe. */
    public static final class Builder {
        private final String query;
        private final List<String> documents;
        private @Nullable String instruction;
        private boolean truncate;

        private Builder(String query, List<String> documents) {
            this.query = query;
            this.documents = documents;
        }

        /** The task in one sentence; {@code null} for the model's own instruction. */
        public Builder instruction(@Nullable String instruction) {
            this.instruction = instruction;
            return this;
        }

        /** Whether to truncate the end of a document that is too long for the model. */
        public Builder truncate(boolean truncate) {
            this.truncate = truncate;
            return this;
        }

        /** Builds the request. */
        public RerankRequest build() {
            return new RerankRequest(query, documents, instruction, truncate);
        }
    }
}
