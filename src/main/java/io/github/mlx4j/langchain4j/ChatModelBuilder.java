package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.List;
import java.util.Set;

/** What both chat models are built of. */
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
     * Sets what holds for every request that does not say otherwise: LangChain4j's parameters, or
     * {@link Mlx4jChatRequestParameters} for mlx4j's own too.
     *
     * @throws dev.langchain4j.exception.UnsupportedFeatureException if there is one that no model can have
     */
    public B defaultRequestParameters(ChatRequestParameters parameters) {
        Requests.check(parameters, port);
        this.parameters = Mlx4jChatRequestParameters.EMPTY.overrideWith(parameters);
        return self();
    }

    /** Sets who hears of every request, its answer and its failure. */
    public B listeners(List<ChatModelListener> listeners) {
        this.listeners = List.copyOf(listeners);
        return self();
    }

    /** Sets who hears of every request, its answer and its failure. */
    public B listeners(ChatModelListener... listeners) {
        return listeners(List.of(listeners));
    }

    /**
     * Sets what an AI service takes the model for. By default that is {@link Capability#RESPONSE_FORMAT_JSON_SCHEMA};
     * set none for a service that has tools and gives records too, since a response format and tools exclude each
     * other.
     */
    public B supportedCapabilities(Set<Capability> capabilities) {
        this.capabilities = Set.copyOf(capabilities);
        return self();
    }
}
