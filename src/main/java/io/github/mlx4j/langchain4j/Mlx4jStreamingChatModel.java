package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.List;
import java.util.Set;

/**
 * Generates text as a LangChain4j {@link StreamingChatModel}.
 *
 * <p>Each request calls its handler on a thread of its own: with thinking and text as they are generated, then with
 * each complete tool call, then with the whole answer. The handle in the contexts cancels the generation itself; after
 * that, the handler is not called any more. If a handler throws an exception, its {@code onError} is called and the
 * answer continues. If it throws an {@link Error}, the generation is cancelled and {@code onError} is the last call.
 *
 * <p>With LangChain4j 1.20 and newer, answers can also be published: thinking and text as they are generated, each tool
 * call when it is complete, then the whole answer. Each subscription sends the request; cancelling it cancels the
 * generation. At most 16,384 events are buffered for a subscriber that does not request them; beyond that, the
 * generation is cancelled and the subscription fails.
 *
 * <p>Unsupported options fail with an {@link dev.langchain4j.exception.UnsupportedFeatureException} that names them,
 * before anything is sent. Thread-safe. The model does not close its port: close the object that created the port
 * yourself.
 */
public sealed class Mlx4jStreamingChatModel implements StreamingChatModel permits PublishingChatModel {

    final TextGenerationPort port;
    private final Mlx4jChatRequestParameters parameters;
    private final List<ChatModelListener> listeners;
    private final Set<Capability> capabilities;

    Mlx4jStreamingChatModel(Builder builder) {
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
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        HandlerBridge bridge = new HandlerBridge(handler);
        try {
            bridge.running(port.stream(Requests.of(request, port), bridge));
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
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

    /** Builds a {@link Mlx4jStreamingChatModel}. Not thread-safe. */
    public static final class Builder extends ChatModelBuilder<Builder> {

        private Builder(TextGenerationPort port) {
            super(port);
        }

        @Override
        Builder self() {
            return this;
        }

        /** Builds the model. */
        public Mlx4jStreamingChatModel build() {
            return AsyncCalls.arePresent() ? new PublishingChatModel(this) : new Mlx4jStreamingChatModel(this);
        }
    }
}
