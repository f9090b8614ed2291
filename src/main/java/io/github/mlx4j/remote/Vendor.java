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

/** What is a provider's own in its use through LangChain4j. Loaded only where its module is there. */
interface Vendor {

    /** Its model, over this client. */
    StreamingChatModel chat(HttpClientBuilder http);

    /** Its model for vectors, over this client. */
    EmbeddingModel vectors(HttpClientBuilder http);

    /**
     * What a request asks for, but for its messages.
     *
     * @throws NotSupportedException for what the provider can't do
     */
    ChatRequestParameters parameters(GenerationRequest request);

    /** Tokens taken; 0 for those that the provider doesn't tell. */
    default Usage usage(@Nullable TokenUsage usage) {
        return usage == null
                ? new Usage(0, 0)
                : new Usage(count(usage.inputTokenCount()), count(usage.outputTokenCount()));
    }

    /** Whether an answer without a reason for its end is not whole. */
    default boolean alwaysSaysWhyItEnded() {
        return false;
    }

    /** The vendor of a provider whose module is there. */
    static Vendor of(RemoteProvider provider, String model) {
        return switch (provider.kind()) {
            case OLLAMA -> new Ollama(provider, model);
            case OPENAI -> new OpenAi(provider, model);
            case ANTHROPIC -> new Anthropic(provider, model);
            case MLX, HF -> throw new IllegalArgumentException(provider.kind() + " is not remote");
        };
    }

    /** A number of tokens, or 0 where it is unknown. */
    static int count(@Nullable Integer tokens) {
        return Optional.ofNullable(tokens).orElse(0);
    }
}
