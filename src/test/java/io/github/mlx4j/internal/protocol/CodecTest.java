package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CodecTest {

    private static final JsonMapper JSON = new JsonMapper();

    @Test
    void shouldReadAnAnswer() {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{\"n\":1}}"))
                .isEqualTo(new Inbound.Answer("7", JSON.createObjectNode().put("n", 1)));
    }

    @Test
    void shouldReadAnAnswerWhenItsResultIsNull() {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":null}"))
                .isEqualTo(new Inbound.Answer("7", JSON.nullNode()));
    }

    @Test
    void shouldReadANotification() {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"method\":\"chunk\",\"params\":{\"n\":1}}"))
                .isEqualTo(new Inbound.Notification(
                        "chunk", JSON.createObjectNode().put("n", 1)));
    }

    @Test
    void shouldReadAFailure() {
        assertThat(
                        decode(
                                "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"error\":{\"code\":-32602,\"message\":\"It broke.\","
                                        + "\"data\":{\"kind\":\"invalid_request\",\"retryable\":true,\"hint\":\"Do this.\",\"detail\":\"\"}}}"))
                .isEqualTo(new Inbound.Failure(
                        "7",
                        new Inbound.WorkerError(
                                -32602,
                                "It broke.",
                                new Inbound.WorkerError.Data("invalid_request", true, "Do this.", ""))));
    }

    @Test
    void shouldReadAFailureWhenTheWorkerKnowsNoId() {
        Inbound message =
                decode("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"It broke.\"}}");

        assertThat(message).isEqualTo(new Inbound.Failure(null, new Inbound.WorkerError(-32700, "It broke.", null)));
        assertThat(((Inbound.Failure) message).error())
                .satisfies(error -> assertThat(error.kind()).isEqualTo("internal"))
                .satisfies(error -> assertThat(error.hint()).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "noise",
                "{",
                "[]",
                "null",
                "42",
                "\"text\"",
                "{}",
                "{\"jsonrpc\":\"2.0\"}",
                "{\"jsonrpc\":\"1.0\",\"method\":\"hello\",\"params\":{}}",
                "{\"method\":\"hello\",\"params\":{}}",
                "{\"jsonrpc\":\"2.0\",\"method\":7}",
                "{\"jsonrpc\":\"2.0\",\"id\":\"7\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}",
                "{\"jsonrpc\":\"2.0\",\"result\":{}}",
                "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"error\":\"no object\"}"
            })
    void shouldBeJunkWhenItIsNoMessage(String line) {
        assertThat(decode(line))
                .asInstanceOf(type(Inbound.Junk.class))
                .satisfies(junk -> assertThat(junk.reason()).isNotEmpty());
    }

    @Test
    void shouldBeJunkWhenSomethingFollowsTheMessage() {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{}} {}"))
                .isInstanceOf(Inbound.Junk.class);
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{}}noise"))
                .isInstanceOf(Inbound.Junk.class);
    }

    @Test
    void shouldBeJunkWhenAKeyIsThereTwice() {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"id\":\"8\",\"result\":{}}"))
                .asInstanceOf(type(Inbound.Junk.class))
                .satisfies(
                        junk -> assertThat(junk.reason()).contains("Duplicate").contains("id"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "Infinity", "-Infinity"})
    void shouldBeJunkWhenANumberIsNone(String number) {
        assertThat(decode("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{\"n\":" + number + "}}"))
                .isInstanceOf(Inbound.Junk.class);
    }

    @Test
    void shouldBeJunkWhenItIsNotUtf8() {
        byte[] line = "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":\"\u00e4\"}".getBytes(StandardCharsets.ISO_8859_1);

        assertThat(Codec.decode(line)).isInstanceOf(Inbound.Junk.class);
    }

    @Test
    void shouldBeJunkWhenItIsNestedWithoutEnd() {
        assertThat(decode("[".repeat(100_000))).isInstanceOf(Inbound.Junk.class);
    }

    @Test
    void shouldIgnoreFieldsThatItDoesNotKnow() {
        Inbound message = decode("{\"jsonrpc\":\"2.0\",\"method\":\"chunk\",\"more\":1,"
                + "\"params\":{\"id\":\"7\",\"seq\":0,\"text\":\"a\",\"tokens\":[97],\"logprobs\":[0.5]}}");

        assertThat(Codec.read(((Inbound.Notification) message).params(), Generate.Chunk.class))
                .isEqualTo(new Generate.Chunk(0, "text", "a", List.of(97), List.of()));
    }

    @Test
    void shouldRefuseWhenAPartHasAnotherShape() {
        JsonNode params = JSON.createObjectNode().put("id", "7").put("seq", "first");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Codec.read(params, Generate.Chunk.class))
                .withMessageContaining("first");
    }

    @Test
    void shouldWriteCallsAndNotificationsOfOneLine() {
        assertThat(text(Codec.line("7", Codec.body("generate", Map.of("prompt", "a\nb\rc\u2028d")))))
                .isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"method\":\"generate\","
                        + "\"params\":{\"prompt\":\"a\\nb\\rc\\u2028d\"}}\n");
        assertThat(text(Codec.notification("cancel", Map.of("id", "7"))))
                .isEqualTo("{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":\"7\"}}\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"J\u00f6rg", "\ud83d\udc4b", "\ud83d", "\udc4b\ud83d", "\u2028\u2029\u0085", "\u0000\u001f\u007f"
            })
    void shouldWriteAsciiOnlyWhenTextIsAnything(String prompt) throws IOException {
        byte[] line = Codec.line("7", Codec.body("generate", Map.of("prompt", prompt)));

        assertThat(text(line).chars()).allMatch(c -> c < 128);
        assertThat(text(line)).endsWith("}\n").containsOnlyOnce("\n");
        assertThat(JSON.readTree(line).path("params").path("prompt").textValue())
                .isEqualTo(prompt);
    }

    @Test
    void shouldLeaveOutWhatIsNotSetWhenWriting() throws IOException {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Raw("Once"))
                .temperature(0.5)
                .maxTokens(5)
                .build();

        assertThat(JSON.readTree(Generate.call(request).line("7")).path("params"))
                .isEqualTo(JSON.readTree(
                        "{\"prompt\":\"Once\",\"sampling\":{\"temperature\":0.5},\"stop\":[],\"maxTokens\":5}"));
    }

    @Test
    void shouldLeaveOutTheOptionsThatAreNotSetWhenWriting() throws IOException {
        Load.Options options = new Load.Options(
                null, null, null, null, null, null, null, null, null, null, null, 4, null, 0L, null, null, null, null,
                null);
        JsonNode model = JSON.readTree(Codec.line("7", Codec.body("initialize", Load.Params.of("org/name", true))));
        JsonNode more = JSON.readTree(Codec.line(
                "7", Codec.body("initialize", Load.Params.of("org/name", true).with(options))));

        assertThat(model.path("params"))
                .isEqualTo(JSON.readTree("{\"protocol\":{\"major\":1,\"minor\":3},"
                        + "\"model\":{\"source\":\"org/name\"},\"download\":true}"));
        assertThat(more.path("params").path("options"))
                .isEqualTo(JSON.readTree("{\"kvBits\":4,\"prefixCacheBytes\":0}"));
    }

    @Test
    void shouldShowTheTokenOfTheHubOnTheWireOnly() throws IOException {
        Load.Params<Load.Options> params = Load.Params.<Load.Options>of("org/name", true)
                .withToken(HubToken.in(Map.of("HF_TOKEN", " hf_secret\n")));

        assertThat(JSON.readTree(Codec.line("7", Codec.body("initialize", params)))
                        .at("/params/hubToken"))
                .isEqualTo(JSON.readTree("\"hf_secret\""));
        assertThat(params.toString()).doesNotContain("hf_secret");
        assertThat(HubToken.in(Map.of("HF_TOKEN", " "))).isNull();
    }

    @Test
    void shouldReadAsEmptyWhatAWorkerOfAnOlderMinorVersionDoesNotSay() throws IOException {
        Load.Loaded loaded = Load.initialize(Load.Params.of("m", false), ProviderKind.HF)
                .read(JSON.readTree("{\"model\":\"m\",\"device\":\"cpu\"}"));
        assertThat(loaded.details())
                .isEqualTo(new ModelDetails(
                        new Backend(ProviderKind.HF, "m", "cpu"),
                        "model",
                        Optional.empty(),
                        Optional.empty(),
                        List.of(),
                        "",
                        OptionalInt.empty(),
                        0,
                        false,
                        false,
                        List.of(),
                        Sampling.DEFAULT,
                        0,
                        Optional.empty(),
                        List.of(),
                        Map.of()));
        assertThat(loaded.memory().active()).hasValue(0);
        assertThat(loaded.memory().resident()).isEmpty();
        Generate.Result result = Codec.read(
                JSON.readTree(
                        "{\"finishReason\":\"length\",\"chunks\":1,\"usage\":{\"promptTokens\":5},\"timings\":{}}"),
                Generate.Result.class);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.usage()).isEqualTo(new Usage(5, 0));
        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.unreadToolCalls()).isEmpty();
    }

    @Test
    void shouldReadTimingsAndToolCallsAsTheApiHasThem() throws IOException {
        Generate.Result result = Codec.read(JSON.readTree("""
                {"finishReason": "toolCalls", "usage": {}, "timings": {"queueMs": 1, "prefillMs": 2.5, "decodeMs": 0.001},
                 "toolCalls": [{"id": "1", "name": "f", "arguments": {"a": [1]}}]}"""), Generate.Result.class);

        assertThat(result.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
        assertThat(result.timings().queue()).isEqualTo(Duration.ofMillis(1));
        assertThat(result.timings().prefill()).isEqualTo(Duration.ofNanos(2_500_000));
        assertThat(result.timings().decode()).isEqualTo(Duration.ofNanos(1000));
        assertThat(result.toolCalls()).containsExactly(new ToolCall("1", "f", "{\"a\":[1]}"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"stop", "other", "STOP"})
    void shouldTakeNoFinishReasonButThoseOfTheWire(String reason) throws IOException {
        JsonNode result = JSON.readTree("{\"finishReason\":\"%s\",\"usage\":{},\"timings\":{}}".formatted(reason));

        if (reason.equals("stop")) {
            assertThat(Codec.read(result, Generate.Result.class).finishReason()).isEqualTo(FinishReason.STOP);
        } else {
            assertThatIllegalArgumentException().isThrownBy(() -> Codec.read(result, Generate.Result.class));
        }
    }

    static Stream<Arguments> incomplete() {
        return Stream.of(
                Arguments.of("{\"usage\":{},\"timings\":{}}", Generate.Result.class, "finishReason"),
                Arguments.of("{\"finishReason\":\"stop\",\"timings\":{}}", Generate.Result.class, "usage"),
                Arguments.of("{}", Prompts.Tokens.class, "tokens"),
                Arguments.of("{}", Prompts.Count.class, "count"),
                Arguments.of("{}", Prompts.Text.class, "text"),
                Arguments.of("{\"tokens\":[],\"logProbs\":[],\"greedy\":true}", Score.class, "promptTokens"),
                Arguments.of("{\"tokens\":[],\"promptTokens\":1,\"greedy\":true}", Score.class, "logProbs"),
                Arguments.of("{\"scores\":[],\"probabilities\":true}", Rerank.Result.class, "promptTokens"),
                Arguments.of("{}", Analysis.Parameters.class, "parameters"),
                Arguments.of("{\"name\":\"w\",\"shape\":[]}", Parameter.class, "dtype"),
                Arguments.of("{\"actions\":[]}", Analysis.Actions.class, "logits"));
    }

    @ParameterizedTest
    @MethodSource("incomplete")
    void shouldRefuseAResultWithoutWhatItMustHave(String json, Class<?> type, String missing) throws IOException {
        JsonNode result = JSON.readTree(json);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Codec.read(result, type))
                .withMessageContaining(missing);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "null", "[]", "7", "\"text\"", "{", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":NaN}"})
    void shouldRefuseWhatIsNoJsonObject(String json) {
        assertThatIllegalArgumentException().isThrownBy(() -> Codec.object(json));
    }

    @Test
    void shouldStayJsonWhenANumberIsNone() throws IOException {
        byte[] line = Codec.line("7", Codec.body("generate", Map.of("temperature", Double.NaN)));

        assertThat(JSON.readTree(line).path("params").path("temperature").isNumber())
                .isFalse();
    }

    private static Inbound decode(String line) {
        return Codec.decode(line.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(byte[] line) {
        return new String(line, StandardCharsets.UTF_8);
    }
}
