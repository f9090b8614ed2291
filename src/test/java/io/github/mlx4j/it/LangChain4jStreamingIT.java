package io.github.mlx4j.it;

import static org.mockito.ArgumentMatchers.argThat;

import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatRequestParameters;
import io.github.mlx4j.langchain4j.Mlx4jStreamingChatModel;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.mockito.InOrder;

/**
 * Runs LangChain4j's own test suite for streaming chat models with the mlx worker; docs/langchain4j.md lists the
 * disabled tests.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jStreamingIT extends AbstractStreamingChatModelIT {

    private final ProviderFactory providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL);

    @AfterAll
    void close() {
        providers.close();
    }

    @Override
    protected List<StreamingChatModel> models() {
        return List.of(createModelWith(Mlx4jChatRequestParameters.EMPTY));
    }

    @Override
    protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
        return Mlx4jStreamingChatModel.builder(providers.createTextGenerationAdapter())
                .defaultRequestParameters(parameters)
                .build();
    }

    @Override
    public StreamingChatModel createModelWith(ChatModelListener listener) {
        return Mlx4jStreamingChatModel.builder(providers.createTextGenerationAdapter())
                .listeners(listener)
                .build();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return Mlx4jChatRequestParameters.builder()
                .maxOutputTokens(maxOutputTokens)
                .build();
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, String id) {
        io.verify(handler).onCompleteToolCall(complete(0, id, "getWeather", "{\"city\":\"Munich\"}"));
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, StreamingChatModel model) {
        io.verify(handler)
                .onCompleteToolCall(
                        argThat(call -> call.toolExecutionRequest().arguments().equals("{}")));
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, String id1, String id2) {
        verifyToolCallbacks(handler, io, id1);
        io.verify(handler).onCompleteToolCall(complete(1, id2, "getTime", "{\"country\":\"France\"}"));
    }

    @Override
    protected boolean supportsPartialToolStreaming(StreamingChatModel model) {
        return false;
    }

    @Override
    protected ImageContent catImageContentBase64() {
        return ImageContent.from("R0lGODlhAQABAAAAACw=", "image/gif"); // 1.18 fetches its own
    }

    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    @Override
    protected boolean supportsToolChoiceRequired() {
        return false;
    }

    @Override
    protected boolean supportsToolsAndJsonResponseFormatWithSchema() {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
        return false;
    }

    /** The small model knows no answer in a schema; it is led to that within the schema. */
    @Override
    protected List<StreamingChatModel> modelsSupportingStructuredOutputs() {
        TextGenerationPort led = GuidedTextGeneration.over(providers.createTextGenerationAdapter());
        return List.of(Mlx4jStreamingChatModel.builder(led).build());
    }

    @Override
    @ParameterizedTest
    @MethodSource("modelsSupportingStructuredOutputs")
    protected void should_respect_JsonRawSchema_responseFormat(StreamingChatModel model) {
        super.should_respect_JsonRawSchema_responseFormat(model);
    }
}
