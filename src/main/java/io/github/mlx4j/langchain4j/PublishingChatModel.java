package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import java.util.concurrent.Flow;

/** A streaming model with publishers; see {@link AsyncCalls}. */
final class PublishingChatModel extends Mlx4jStreamingChatModel {

    PublishingChatModel(Builder builder) {
        super(builder);
    }

    @Override
    public Flow.Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
        return new AnswerPublisher(listener -> port.stream(Requests.of(request, port), listener));
    }
}
