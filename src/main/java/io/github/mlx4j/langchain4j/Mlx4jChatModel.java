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
 * Text generation as a {@link ChatModel} of LangChain4j.
 *
 * <pre>{@code
 * ChatModel model = Mlx4jChatModel.builder(providers.createTextGenerationAdapter()).build();
 * String answer = model.chat("Why is the sky blue?");
 * }</pre>
 *
 * <p>What the model can't honour is refused by name with {@link dev.langchain4j.exception.UnsupportedFeatureException}.
 * An interrupt of a thread that waits cancels its request. Thread-safe; closing what the port came from is its owner's
 * job.
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

    /** A builder of a model over a port. */
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
     * The answer later, as {@code chatAsync} of LangChain4j 1.20 and newer asks for it; no thread waits for it. However
     * the future ends before the answer is whole, the generation is cancelled.
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
