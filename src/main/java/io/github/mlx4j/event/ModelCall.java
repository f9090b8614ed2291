package io.github.mlx4j.event;

import io.github.mlx4j.provider.ProviderKind;
import java.util.Locale;
import java.util.UUID;

/**
 * A call that a {@link Mlx4jListener} hears of. No two are equal, so it can be a key.
 *
 * @param id its own
 * @param operation what is asked for
 * @param provider who is asked first
 * @param model that provider's model: a folder, or a name
 */
public record ModelCall(UUID id, Operation operation, ProviderKind provider, String model) {

    /** What a model is asked for. */
    public enum Operation {
        /** An answer to messages. */
        CHAT,
        /** What comes after raw text or token ids. */
        TEXT_COMPLETION,
        /** Vectors of texts. */
        EMBEDDINGS,
        /** Scores of documents. */
        RERANK;

        /**
         * The name of OpenTelemetry's conventions, {@code chat}, {@code text_completion}, {@code embeddings}; or
         * {@code rerank}.
         */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
