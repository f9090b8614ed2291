package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Generates text as a LangChain4j {@link ChatModel}.
 *
 * <pre>{@code
 * ChatModel model = Mlx4jChatModel.builder(providers.createTextGenerationAdapter()).build();
 * String answer = model.chat("Why is the sky blue?");
 * }</pre>
 *
 * <p>Unsupported options fail with an {@link dev.langchain4j.exception.UnsupportedFeatureException} that names them.
 * Interrupting a waiting thread cancels its request. Thread-safe. The model does not close its port: close the object
 * that created the port yourself.
 */
public final class Mlx4jChatModel implements ChatModel {

    private final TextGenerationPort port;
    private final Mlx4jChatRequestParameters parameters;
    private final List<ChatModelListener> listeners;
    private final Set<Capability> capabilities;

    private Mlx4jChatModel(Builder builder) {
        port = builder.port;
        parameters = builder.parameters;
        listeners = builder.listeners;
        capabilities = builder.capabilities;
    }

    /** Returns a builder of a model that uses this port. */
    public static Builder builder(TextGenerationPort port) {
        return new Builder(port);
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        try {
            return Answers.of(port.generate(Requests.of(request, port)));
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
    }

    /**
     * Generates the answer asynchronously for {@code chatAsync} of LangChain4j 1.20 and newer, without blocking a
     * thread. If the future is completed or cancelled before the answer is complete, the generation is cancelled.
     */
    @Override
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
        return Futures.of(() -> port.generateAsync(Requests.of(request, port)), Answers::of);
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return Requests.named(parameters, port);
    }

    @Override
    public List<ChatModelListener> listeners() {
        return listeners;
    }

    @Override
    public Set<Capability> supportedCapabilities() {
        return capabilities;
    }

    /** Builds a {@link Mlx4jChatModel}. Not thread-safe. */
    public static final class Builder extends ChatModelBuilder<Builder> {

        private Builder(TextGenerationPort port) {
            super(port);
        }

        @Override
        Builder self() {
            return this;
        }

        /** Builds the model. */
        public Mlx4jChatModel build() {
            return new Mlx4jChatModel(this);
        }
    }
}
