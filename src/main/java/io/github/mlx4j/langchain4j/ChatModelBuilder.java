package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.List;
import java.util.Set;

/** Builder options shared by both chat models. */
abstract sealed class ChatModelBuilder<B extends ChatModelBuilder<B>>
        permits Mlx4jChatModel.Builder, Mlx4jStreamingChatModel.Builder {

    final TextGenerationPort port;
    Mlx4jChatRequestParameters parameters = Mlx4jChatRequestParameters.EMPTY;
    List<ChatModelListener> listeners = List.of();
    Set<Capability> capabilities = Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);

    ChatModelBuilder(TextGenerationPort port) {
        this.port = port;
    }

    abstract B self();

    /**
     * Sets the defaults for all parameters that a request does not set: LangChain4j's parameters, or
     * {@link Mlx4jChatRequestParameters} to include those specific to mlx4j.
     *
     * @throws dev.langchain4j.exception.UnsupportedFeatureException if no model supports one of the parameters
     */
    public B defaultRequestParameters(ChatRequestParameters parameters) {
        Requests.check(parameters, port);
        this.parameters = Mlx4jChatRequestParameters.EMPTY.overrideWith(parameters);
        return self();
    }

    /** Sets the listeners that are notified of every request, response and error. */
    public B listeners(List<ChatModelListener> listeners) {
        this.listeners = List.copyOf(listeners);
        return self();
    }

    /** Sets the listeners that are notified of every request, response and error. */
    public B listeners(ChatModelListener... listeners) {
        return listeners(List.of(listeners));
    }

    /**
     * Sets the capabilities that an AI service assumes. Default: {@link Capability#RESPONSE_FORMAT_JSON_SCHEMA}. Set
     * none for a service that uses tools and also returns records, because a response format and tools can't be
     * combined.
     */
    public B supportedCapabilities(Set<Capability> capabilities) {
        this.capabilities = Set.copyOf(capabilities);
        return self();
    }
}
