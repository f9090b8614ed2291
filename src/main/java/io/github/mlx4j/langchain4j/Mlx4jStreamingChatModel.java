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
 * Text generation as a {@link StreamingChatModel} of LangChain4j.
 *
 * <p>A handler is called on one thread of its own: with thinking and text as they come, then with each call of a tool,
 * whole, then with the answer. The handle in the contexts cancels the generation itself; after that the handler hears
 * nothing more. An exception that a handler throws goes to its {@code onError}, and the answer goes on; after an
 * {@link Error} the generation is cancelled, and {@code onError} is the handler's last call.
 *
 * <p>With LangChain4j 1.20 and newer it publishes answers too: thinking and text as they come, each tool call when it
 * is complete, then the whole answer. Each subscription sends the request; cancelling it cancels the generation. At
 * most 16,384 events wait for a subscriber that requests too few; beyond that the generation is cancelled and the
 * subscription fails.
 *
 * <p>What the model can't honour is refused by name with {@link dev.langchain4j.exception.UnsupportedFeatureException},
 * before anything is sent. Thread-safe; closing what the port came from is its owner's job.
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

    /** A builder of a model over a port. */
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
