package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jChatRequestParameters;
import io.github.mlx4j.langchain4j.Mlx4jTokenCountEstimator;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs LangChain4j's own test suite for chat models with the mlx worker; docs/langchain4j.md explains why tests are
 * disabled.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jChatIT extends AbstractChatModelIT {

    private final ProviderFactory providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL);

    @AfterAll
    void close() {
        providers.close();
    }

    @Override
    protected List<ChatModel> models() {
        return List.of(createModelWith(Mlx4jChatRequestParameters.EMPTY));
    }

    @Override
    protected ChatModel createModelWith(ChatRequestParameters parameters) {
        return Mlx4jChatModel.builder(providers.createTextGenerationAdapter())
                .defaultRequestParameters(parameters)
                .build();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return Mlx4jChatRequestParameters.builder()
                .maxOutputTokens(maxOutputTokens)
                .build();
    }

    @Override
    protected ImageContent catImageContentBase64() {
        return ImageContent.from("R0lGODlhAQABAAAAACw=", "image/gif"); // 1.18 fetches its own
    }

    @Override
    protected boolean supportsChatAsync() { // asked since 1.20
        return true;
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
    protected List<ChatModel> modelsSupportingStructuredOutputs() {
        TextGenerationPort led = GuidedTextGeneration.over(providers.createTextGenerationAdapter());
        return List.of(Mlx4jChatModel.builder(led).build());
    }

    @Override
    @ParameterizedTest
    @MethodSource("modelsSupportingStructuredOutputs")
    protected void should_respect_JsonRawSchema_responseFormat(ChatModel model) {
        super.should_respect_JsonRawSchema_responseFormat(model);
    }

    @Test
    void shouldHoldTheSchemaWhateverTheModelKnows() {
        JsonObjectSchema schema = JsonObjectSchema.builder()
                .addEnumProperty("city", List.of("Berlin", "Paris"))
                .required("city")
                .build();

        JsonRawSchema raw = JsonRawSchema.from(
                "{\"type\": \"object\", \"properties\": {\"city\": {\"enum\": [\"Berlin\", \"Paris\"]}}, "
                        + "\"required\": [\"city\"], \"additionalProperties\": false}");

        for (JsonSchemaElement root : List.of(schema, raw)) {
            String answer = models().get(0)
                    .chat(ChatRequest.builder()
                            .messages(UserMessage.from("What is the capital of Germany?"))
                            .responseFormat(ResponseFormat.builder()
                                    .type(ResponseFormatType.JSON)
                                    .jsonSchema(JsonSchema.builder()
                                            .name("Answer")
                                            .rootElement(root)
                                            .build())
                                    .build())
                            .build())
                    .aiMessage()
                    .text();

            assertThat(answer).matches("\\{\"city\": ?\"(Berlin|Paris)\"}");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"number", "integer"})
    void shouldEndANumberWhateverTheModelWants(String type) {
        JsonObjectSchema.Builder schema = JsonObjectSchema.builder().required("n");
        JsonObjectSchema root =
                (type.equals("number") ? schema.addNumberProperty("n") : schema.addIntegerProperty("n")).build();
        int digit = providers.createTokenizer().tokenize("3").get(0);

        ChatResponse response = models().get(0)
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("How many?"))
                        .parameters(Mlx4jChatRequestParameters.builder()
                                .logitBias(Map.of(digit, 100.0)) // never wants anything but this digit
                                .maxOutputTokens(200)
                                .responseFormat(ResponseFormat.builder()
                                        .type(ResponseFormatType.JSON)
                                        .jsonSchema(JsonSchema.builder()
                                                .name("Answer")
                                                .rootElement(root)
                                                .build())
                                        .build())
                                .build())
                        .build());

        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(response.aiMessage().text()).matches("\\{\"n\": ?-?3{9,16}(\\.\\d{1,8})?}");
    }

    @Test
    void shouldCountTheTokensThatARequestTakes() {
        List<ChatMessage> messages =
                List.of(SystemMessage.from("Be brief"), UserMessage.from("What is the capital of Germany?"));
        TokenCountEstimator tokens = new Mlx4jTokenCountEstimator(providers.createTokenizer());

        assertThat(tokens.estimateTokenCountInMessages(messages))
                .isEqualTo(models().get(0).chat(messages).tokenUsage().inputTokenCount());
    }
}
