package io.github.mlx4j.it;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.StreamingMode;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;

/** Runs LangChain4j's own test suite for streaming chat models with publishers, which exist since LangChain4j 1.20. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jPublisherAsyncIT extends LangChain4jStreamingIT {

    @Override
    protected List<StreamingMode> streamingModes() {
        return List.of(StreamingMode.PUBLISHER);
    }

    @Override
    protected List<StreamingChatModel> models() {
        return publishing(super.models());
    }

    @Override
    protected List<StreamingChatModel> modelsSupportingStructuredOutputs() {
        return publishing(super.modelsSupportingStructuredOutputs());
    }

    private static List<StreamingChatModel> publishing(List<StreamingChatModel> models) {
        return models.stream()
                .<StreamingChatModel>map(model -> new StreamingModeAwareModel(model, StreamingMode.PUBLISHER))
                .toList();
    }
}
