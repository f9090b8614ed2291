package io.github.mlx4j.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests what is sent to each provider for a request, and how its answers are converted. */
@Timeout(60)
class RequestFormTest {

    private static final JsonMapper JSON = new JsonMapper();
    private static final String SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"],\"additionalProperties\":false}";
    private static final ToolSpec WEATHER = new ToolSpec("weather", "The weather of a city", SCHEMA);
    private static final ToolCall CALL = new ToolCall("c7", "weather", "{\"city\":\"Bonn\"}");

    @Test
    void shouldSendWhatOpenAiTakes() throws IOException {
        JsonNode body = sent(
                Wire.OPENAI,
                request()
                        .temperature(0.5)
                        .topP(0.9)
                        .topK(0)
                        .minP(0)
                        .repetitionPenalty(1)
                        .seed(7)
                        .presencePenalty(0.1)
                        .frequencyPenalty(0.2)
                        .maxTokens(33)
                        .stop("A", "B")
                        .build());

        assertThat(body).isEqualTo(json("""
                {"model": "some-model", "temperature": 0.5, "top_p": 0.9, "seed": 7, "presence_penalty": 0.1,
                 "frequency_penalty": 0.2, "max_tokens": 33, "stop": ["A", "B"], "stream": true,
                 "stream_options": {"include_usage": true},
                 "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]}"""));
    }

    @Test
    void shouldSendWhatOllamaTakes() throws IOException {
        JsonNode body = sent(
                Wire.OLLAMA,
                request()
                        .temperature(0.5)
                        .topP(0.9)
                        .topK(5)
                        .minP(0.1)
                        .seed(7)
                        .repetitionPenalty(1.1)
                        .maxTokens(33)
                        .stop("A")
                        .thinking(false)
                        .build());

        assertThat(body.path("options")).isEqualTo(json("""
                {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "seed": 7, "repeat_penalty": 1.1,
                 "repeat_last_n": -1, "num_predict": 33, "stop": ["A"]}"""));
        assertThat(body.path("think").booleanValue()).isFalse();
        assertThat(body.path("think").isBoolean()).isTrue();
        assertThat(body.path("stream").booleanValue()).isTrue();
        assertThat(body.path("model").textValue()).isEqualTo("some-model");
        assertThat(body.path("messages")).hasSize(2);
    }

    @Test
    void shouldSendWhatAnthropicTakes() throws IOException {
        JsonNode body = sent(
                Wire.ANTHROPIC,
                request()
                        .temperature(0.5)
                        .topP(0.9)
                        .topK(5)
                        .maxTokens(3000)
                        .stop("A")
                        .thinking(true)
                        .build());

        assertThat(body).isEqualTo(json("""
                {"model": "some-model", "temperature": 0.5, "top_p": 0.9, "top_k": 5, "max_tokens": 3000,
                 "stop_sequences": ["A"], "stream": true, "thinking": {"type": "enabled", "budget_tokens": 1500},
                 "system": [{"type": "text", "text": "Be brief"}],
                 "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}"""));
    }

    @ParameterizedTest
    @EnumSource
    void shouldLeaveTheChoiceToTheProviderWhenTheRequestSaysNothing(Wire wire) throws IOException {
        JsonNode body = sent(wire, GenerationRequest.chat("Hi"));
        JsonNode options = wire == Wire.OLLAMA ? body.path("options") : body;

        assertThat(options.has("temperature")).isFalse();
        assertThat(options.has("top_p")).isFalse();
        assertThat(options.has("seed")).isFalse();
        assertThat(body.has("think") || body.has("thinking")).isFalse();
        assertThat(options.path("max_tokens").asInt()
                        + options.path("num_predict").asInt())
                .isEqualTo(GenerationRequest.DEFAULT_MAX_TOKENS);
    }

    @Test
    void shouldAskForCompletionTokensWhereOnlyTheyAreTaken() {
        OpenAi own = new OpenAi(new RemoteProvider(ProviderKind.OPENAI, RemoteConfig.DEFAULT), "gpt-4");
        OpenAi other = new OpenAi(
                new RemoteProvider(
                        ProviderKind.OPENAI,
                        new RemoteConfig(
                                Map.of(ProviderKind.OPENAI, URI.create("http://a")), Map.of(), Duration.ofSeconds(1))),
                "gpt-4");
        GenerationRequest hi = GenerationRequest.chat("Hi");

        assertThat(own.parameters(hi).maxOutputTokens()).isNull();
        assertThat(own.parameters(hi)).extracting("maxCompletionTokens").isEqualTo(1024);
        assertThat(other.parameters(hi).maxOutputTokens()).isEqualTo(1024);
    }

    @ParameterizedTest
    @CsvSource({
        "OPENAI, topK|minP|repetitionPenalty|thinking",
        "OLLAMA, presencePenalty|frequencyPenalty",
        "ANTHROPIC, minP|seed|repetitionPenalty|presencePenalty|frequencyPenalty"
    })
    void shouldRefuseByNameWhatTheProviderCantDo(Wire wire, String names) throws IOException {
        GenerationRequest request = request()
                .topK(5)
                .minP(0.1)
                .seed(7)
                .repetitionPenalty(1.1)
                .presencePenalty(0.1)
                .frequencyPenalty(0.1)
                .thinking(false)
                .build();

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> sent(wire, request))
                .withMessage(wire.kind.id() + " does not support " + names.replace("|", ", ")
                        + ". What to do: Leave it out, or use another provider.");
    }

    @Test
    void shouldRefuseWhatIsOutOfTheProvidersRange() {
        for (Wire wire : List.of(Wire.OPENAI, Wire.OLLAMA)) {
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> sent(wire, request().seed(1L << 40).build()))
                    .withMessageContaining("a seed above 2147483647");
        }
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> sent(Wire.ANTHROPIC, request().thinking(true).build()))
                .withMessageContaining("requires maxTokens above 1024 for thinking, but this request has 1024");
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> sent(
                        Wire.ANTHROPIC,
                        request().responseFormat(ResponseFormat.json()).build()))
                .withMessageContaining("JSON response format without a schema");
    }

    @ParameterizedTest
    @EnumSource
    void shouldHoldTheAnswerToTheSchema(Wire wire) throws IOException {
        JsonNode body = sent(
                wire,
                request().responseFormat(ResponseFormat.jsonSchema(SCHEMA)).build(),
                "{\\\"city\\\":\\\"Bonn\\\"}");

        switch (wire) {
            case OPENAI -> {
                assertThat(body.at("/response_format/type").textValue()).isEqualTo("json_schema");
                assertThat(body.at("/response_format/json_schema/strict").booleanValue())
                        .isTrue();
                assertThat(body.at("/response_format/json_schema/schema")).isEqualTo(json(SCHEMA));
            }
            case OLLAMA -> assertThat(body.path("format")).isEqualTo(json(SCHEMA));
            case ANTHROPIC -> {
                assertThat(body.at("/output_config/format/type").textValue()).isEqualTo("json_schema");
                assertThat(body.at("/output_config/format/schema")).isEqualTo(json(SCHEMA));
            }
        }
    }

    @Test
    void shouldAskForAnyJsonWhereThereIsSuchAForm() throws IOException {
        GenerationRequest any = request().responseFormat(ResponseFormat.json()).build();

        assertThat(sent(Wire.OPENAI, any, "{}").at("/response_format/type").textValue())
                .isEqualTo("json_object");
        assertThat(sent(Wire.OLLAMA, any, "{}").path("format").textValue()).isEqualTo("json");
    }

    @ParameterizedTest
    @EnumSource
    void shouldSendToolsCallsAndWhatTheyGave(Wire wire) throws IOException {
        JsonNode body = sent(
                wire,
                GenerationRequest.builder()
                        .user("How is the weather?")
                        .message(Message.assistant("", List.of(CALL)))
                        .message(Message.tool(CALL, "Rain"))
                        .tools(WEATHER, new ToolSpec("now", null, null))
                        .build());

        JsonNode tool = wire == Wire.ANTHROPIC ? body.at("/tools/0") : body.at("/tools/0/function");
        assertThat(tool.path("name").textValue()).isEqualTo("weather");
        assertThat(tool.path("description").textValue()).isEqualTo("The weather of a city");
        JsonNode parameters = tool.path(wire == Wire.ANTHROPIC ? "input_schema" : "parameters");
        assertThat(parameters.at("/properties/city")).isEqualTo(json("{\"type\":\"string\"}"));
        assertThat(parameters.at("/required/0").textValue()).isEqualTo("city");
        assertThat(body.path("tools")).hasSize(2);

        switch (wire) {
            case OPENAI -> {
                assertThat(body.at("/messages/1/tool_calls/0")).isEqualTo(json("""
                        {"id": "c7", "type": "function",
                         "function": {"name": "weather", "arguments": "{\\"city\\":\\"Bonn\\"}"}}"""));
                assertThat(body.at("/messages/2"))
                        .isEqualTo(json("{\"role\":\"tool\",\"tool_call_id\":\"c7\",\"content\":\"Rain\"}"));
            }
            case OLLAMA -> {
                assertThat(body.at("/messages/1/tool_calls/0/function/arguments/city")
                                .textValue())
                        .isEqualTo("Bonn");
                assertThat(body.at("/messages/2/role").textValue()).isEqualTo("tool");
                assertThat(body.at("/messages/2/content").textValue()).isEqualTo("Rain");
            }
            case ANTHROPIC -> {
                assertThat(body.at("/messages/1/content/0/id").textValue()).isEqualTo("c7");
                assertThat(body.at("/messages/1/content/0/input/city").textValue())
                        .isEqualTo("Bonn");
                assertThat(body.at("/messages/2/content/0/tool_use_id").textValue())
                        .isEqualTo("c7");
            }
        }
    }

    @Test
    void shouldRefuseAToolsSchemaThatCantBePassedOn() {
        for (Wire wire : Wire.values()) {
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> sent(wire, tool("{\"type\":\"object\",\"anyOf\":[]}")))
                    .withMessageContaining("The parameters of the tool t have anyOf at the top level");
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> sent(wire, tool("{\"type\":\"array\"}")))
                    .withMessageContaining("not of the type object");
            assertThatExceptionOfType(InvalidRequestException.class)
                    .isThrownBy(() -> sent(wire, tool("[]")))
                    .withMessageContaining("The parameters of the tool t must be a JSON object");
        }
    }

    @Test
    void shouldPassDefinitionsOnWhereTheyCanBe() throws IOException {
        GenerationRequest request =
                tool("{\"properties\":{\"a\":{\"$ref\":\"#/$defs/b\"}},\"$defs\":{\"b\":{\"type\":\"integer\"}}}");

        assertThat(sent(Wire.OPENAI, request)
                        .at("/tools/0/function/parameters/$defs/b/type")
                        .textValue())
                .isEqualTo("integer");
        assertThat(sent(Wire.ANTHROPIC, request)
                        .at("/tools/0/input_schema/$defs/b/type")
                        .textValue())
                .isEqualTo("integer");
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> sent(Wire.OLLAMA, request))
                .withMessageContaining("$defs");
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveTheCallsOfTools(Wire wire) throws IOException {
        GenerationResult result = answer(
                wire,
                switch (wire) {
                    case OPENAI ->
                        Wire.chunk(
                                        "{\"tool_calls\":[{\"index\":0,\"id\":\"c7\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\"}}]}",
                                        "null")
                                + Wire.chunk(
                                        "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"Bonn\\\"}\"}}]}",
                                        "null")
                                + Wire.chunk(
                                        "{\"tool_calls\":[{\"index\":1,\"id\":\"c8\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"ci\"}}]}",
                                        "\"tool_calls\"")
                                + "data: [DONE]\n\n";
                    case OLLAMA ->
                        Wire.line(
                                        "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c7\",\"function\":{\"index\":0,\"name\":\"weather\",\"arguments\":{\"city\":\"Bonn\"}}}]}")
                                + wire.end();
                    case ANTHROPIC ->
                        Wire.event(
                                        "content_block_start",
                                        "{\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"c7\",\"name\":\"weather\",\"input\":{}}}")
                                + Wire.event(
                                        "content_block_delta",
                                        "{\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\\\"Bonn\\\"}\"}}")
                                + Wire.event("content_block_stop", "{\"index\":0}")
                                + Wire.event("message_delta", "{\"delta\":{\"stop_reason\":\"tool_use\"}}")
                                + Wire.event("message_stop", "{}");
                });

        assertThat(result.toolCalls()).containsExactly(CALL);
        assertThat(result.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
        if (wire == Wire.OPENAI) {
            assertThat(result.unreadToolCalls()).hasSize(1);
            assertThat(result.unreadToolCalls().get(0))
                    .extracting(MalformedToolCall::text)
                    .isEqualTo("weather {\"ci");
        } else {
            assertThat(result.unreadToolCalls()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "OPENAI, length, LENGTH",
        "OPENAI, content_filter, OTHER",
        "OLLAMA, length, LENGTH",
        "OLLAMA, unload, OTHER",
        "ANTHROPIC, max_tokens, LENGTH",
        "ANTHROPIC, stop_sequence, STOP",
        "ANTHROPIC, refusal, OTHER"
    })
    void shouldSayWhyTheAnswerEnded(Wire wire, String reason, FinishReason expected) throws IOException {
        GenerationResult result =
                answer(wire, wire.piece("Hi") + wire.end().replaceAll("\"(stop|end_turn)\"", "\"" + reason + "\""));

        assertThat(result.finishReason()).isEqualTo(expected);
        assertThat(result.text()).isEqualTo("Hi");
    }

    @Test
    void shouldGiveThinkingByItsOtherNameToo() throws IOException {
        GenerationResult result = answer(
                Wire.OPENAI,
                Wire.chunk("{\"reasoning\":\"Hm.\"}", "null") + Wire.OPENAI.piece("Hi") + Wire.OPENAI.end());

        assertThat(result.thinking()).isEqualTo("Hm.");
        assertThat(result.text()).isEqualTo("Hi");
    }

    @Test
    void shouldCountTheTokensOfThinkingWhereTheyAreTold() throws IOException {
        assertThat(answer(Wire.OPENAI, Wire.OPENAI.piece("Hi") + Wire.OPENAI.end())
                        .usage()
                        .thinkingTokens())
                .isEqualTo(2);
        assertThat(answer(Wire.OPENAI, Wire.chunk("{\"content\":\"Hi\"}", "\"stop\""))
                        .usage()
                        .totalTokens())
                .as("nothing is told")
                .isZero();
    }

    private static GenerationRequest.Builder request() {
        return GenerationRequest.builder().system("Be brief").user("Hi");
    }

    private static GenerationRequest tool(String parameters) {
        return request().tools(new ToolSpec("t", null, parameters)).build();
    }

    private static JsonNode sent(Wire wire, GenerationRequest request) throws IOException {
        return sent(wire, request, "Hi");
    }

    private static JsonNode sent(Wire wire, GenerationRequest request, String text) throws IOException {
        try (FakeServer server = new FakeServer(FakeServer.stream(wire.begin(), wire.piece(text), wire.end()));
                RemoteAdapter llm = server.adapter(wire.kind)) {
            llm.generate(request);
            return server.body();
        }
    }

    private static GenerationResult answer(Wire wire, String rest) throws IOException {
        try (FakeServer server = new FakeServer(FakeServer.stream(wire.begin(), rest));
                RemoteAdapter llm = server.adapter(wire.kind)) {
            return llm.generate(request().tools(WEATHER).build());
        }
    }

    private static JsonNode json(String text) throws IOException {
        return JSON.readTree(text);
    }
}
