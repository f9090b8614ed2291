package io.github.mlx4j.event;

import io.github.mlx4j.provider.ProviderKind;
import java.util.Locale;
import java.util.UUID;

/**
 * A call that is reported to a {@link Mlx4jListener}. No two calls are equal, so you can use them as keys.
 *
 * @param id its unique id
 * @param operation the kind of call
 * @param provider the provider that is tried first
 * @param model that provider's model: a folder, or a name
 */
public record ModelCall(UUID id, Operation operation, ProviderKind provider, String model) {

    /** The kind of a call. */
    public enum Operation {
        /** A chat completion. */
        CHAT,
        /** A completion of raw text or token ids. */
        TEXT_COMPLETION,
        /** Embeddings of texts. */
        EMBEDDINGS,
        /** Scores of documents. */
        RERANK;

        /**
         * The name in OpenTelemetry's semantic conventions, {@code chat}, {@code text_completion}, {@code embeddings};
         * or {@code rerank}.
         */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
