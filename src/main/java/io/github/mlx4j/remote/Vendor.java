package io.github.mlx4j.remote;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.TokenUsage;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Usage;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The parts of the LangChain4j integration that differ between providers. An implementation is loaded only if the
 * provider's module is on the class path.
 */
interface Vendor {

    /** Creates the provider's chat model, using this HTTP client. */
    StreamingChatModel chat(HttpClientBuilder http);

    /** Creates the provider's embedding model, using this HTTP client. */
    EmbeddingModel vectors(HttpClientBuilder http);

    /**
     * Converts everything in a request except its messages.
     *
     * @throws NotSupportedException for an option that the provider does not support
     */
    ChatRequestParameters parameters(GenerationRequest request);

    /** Converts the token usage; a count that the provider does not report is 0. */
    default Usage usage(@Nullable TokenUsage usage) {
        return usage == null
                ? new Usage(0, 0)
                : new Usage(count(usage.inputTokenCount()), count(usage.outputTokenCount()));
    }

    /** Returns whether the provider always sends a finish reason, so that a response without one is incomplete. */
    default boolean alwaysSaysWhyItEnded() {
        return false;
    }

    /** Returns the implementation for a provider whose module is on the class path. */
    static Vendor of(RemoteProvider provider, String model) {
        return switch (provider.kind()) {
            case OLLAMA -> new Ollama(provider, model);
            case OPENAI -> new OpenAi(provider, model);
            case ANTHROPIC -> new Anthropic(provider, model);
            case MLX, HF -> throw new IllegalArgumentException(provider.kind() + " is not remote");
        };
    }

    /** Returns a number of tokens, or 0 if it is unknown. */
    static int count(@Nullable Integer tokens) {
        return Optional.ofNullable(tokens).orElse(0);
    }
}
