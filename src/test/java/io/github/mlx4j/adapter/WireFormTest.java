package io.github.mlx4j.adapter;

import static io.github.mlx4j.CannedWorker.notification;
import static io.github.mlx4j.CannedWorker.result;
import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.RerankerKind;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.internal.protocol.Generate;
import io.github.mlx4j.internal.worker.RestartBudget;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests what an adapter writes to its worker, and how it handles the responses. */
@Timeout(60)
class WireFormTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final JsonMapper JSON = new JsonMapper();
    private static final String RESULT = "\"finishReason\":\"stop\",\"stop\":null,\"chunks\":%d,"
            + "\"usage\":{\"promptTokens\":5,\"completionTokens\":3%s},"
            + "\"timings\":{\"queueMs\":1,\"prefillMs\":1,\"firstTokenMs\":2,\"decodeMs\":1}";

    private CannedWorker worker;
    private SubprocessAdapter adapter;

    @TempDir
    private Path folder;

    @BeforeEach
    void makeWorker() {
        worker = new CannedWorker(folder);
        adapter = new MlxSubprocessAdapter(settings(WorkerConfig.DEFAULT));
    }

    @AfterEach
    void closeAdapter() {
        adapter.close();
    }

    @Test
    void shouldWriteEveryValueOfARequest() throws Exception {
        ToolCall call = new ToolCall("c1", "clock", "{\"zone\":\"UTC\"}");
        worker.answers("generate", result(RESULT.formatted(0, "")));

        adapter.generate(GenerationRequest.builder()
                .user("What time is it?")
                .message(Message.assistant("", List.of(call)))
                .message(Message.tool(call, "noon"))
                .temperature(0.5)
                .topP(0.9)
                .topK(4)
                .minP(0.1)
                .seed(7)
                .repetitionPenalty(1.5)
                .presencePenalty(0.25)
                .frequencyPenalty(-0.25)
                .logitBias(Map.of(3, -100.0))
                .maxTokens(9)
                .responseFormat(ResponseFormat.jsonSchema("{\"type\":\"object\"}"))
                .tools(new ToolSpec("clock", "Tells the time.", "{\"type\":\"object\"}"), new ToolSpec("b", null, null))
                .thinking(false)
                .logProbs(2)
                .build());

        assertThat(worker.sent("generate")).containsExactly(JSON.readTree("""
                {"messages": [
                   {"role": "user", "content": "What time is it?"},
                   {"role": "assistant", "content": "",
                    "toolCalls": [{"id": "c1", "name": "clock", "arguments": {"zone": "UTC"}}]},
                   {"role": "tool", "content": "noon", "toolCallId": "c1"}],
                 "sampling": {"temperature": 0.5, "topP": 0.9, "topK": 4, "minP": 0.1, "seed": 7,
                   "repetitionPenalty": 1.5, "presencePenalty": 0.25, "frequencyPenalty": -0.25,
                   "logitBias": {"3": -100.0}},
                 "stop": [], "maxTokens": 9,
                 "responseFormat": {"type": "jsonSchema", "schema": {"type": "object"}},
                 "tools": [{"name": "clock", "description": "Tells the time.", "parameters": {"type": "object"}},
                           {"name": "b"}],
                 "thinking": false, "logProbs": 2}
                """));
    }

    static Stream<Arguments> formats() {
        return Stream.of(
                Arguments.of(ResponseFormat.json(), "{\"type\":\"json\"}"),
                Arguments.of(
                        ResponseFormat.jsonSchema(Map.of("type", "array")),
                        "{\"type\":\"jsonSchema\",\"schema\":{\"type\":\"array\"}}"),
                Arguments.of(ResponseFormat.regex("a+"), "{\"type\":\"regex\",\"pattern\":\"a+\"}"),
                Arguments.of(ResponseFormat.choice("a", "b"), "{\"type\":\"choice\",\"choices\":[\"a\",\"b\"]}"));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldWriteEveryResponseFormat(ResponseFormat format, String json) throws Exception {
        GenerationRequest request =
                GenerationRequest.builder().user("Hi").responseFormat(format).build();

        JsonNode params = JSON.readTree(Generate.call(request).line("1")).path("params");

        assertThat(params.path("responseFormat")).isEqualTo(JSON.readTree(json));
    }

    @Test
    void shouldWriteNothingOfWhatIsNotAskedFor() throws Exception {
        worker.answers("generate", result(RESULT.formatted(0, "")));

        adapter.generate(GenerationRequest.raw("Hi"));

        assertThat(worker.sent("generate"))
                .containsExactly(JSON.readTree("{\"prompt\":\"Hi\",\"sampling\":{},\"stop\":[],\"maxTokens\":1024}"));
    }

    static Stream<Arguments> badJson() {
        GenerationRequest.Builder hi = GenerationRequest.builder().user("Hi");
        return Stream.of(
                Arguments.of(
                        hi.responseFormat(ResponseFormat.jsonSchema("[]")).build(),
                        "The response format's schema must be a JSON object: it is not a JSON object"),
                Arguments.of(
                        GenerationRequest.builder()
                                .user("Hi")
                                .tools(new ToolSpec("clock", null, "{oops"))
                                .build(),
                        "The parameters of the tool clock must be a JSON object: "),
                Arguments.of(
                        GenerationRequest.chat(
                                List.of(Message.assistant("", List.of(new ToolCall("c1", "clock", "noon"))))),
                        "The arguments of the call to clock must be a JSON object: "));
    }

    @ParameterizedTest
    @MethodSource("badJson")
    void shouldRefuseWhatIsNoJsonBeforeAWorkerIsStarted(GenerationRequest request, String message) {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> adapter.generate(request))
                .withMessageStartingWith(message)
                .withMessageEndingWith(" What to do: Correct the JSON.");
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.STOPPED);
    }

    @Test
    void shouldGiveThinkingCallsAndLogProbabilities() {
        worker.answers(
                "generate",
                chunk(
                        0,
                        "\"kind\":\"thinking\",\"text\":\"Hm\",\"tokens\":[4],\"logProbs\":[{\"logProb\":-0.5,\"top\":[]}]"),
                chunk(
                        1,
                        "\"kind\":\"text\",\"text\":\"Hi\",\"tokens\":[5,6],\"logProbs\":[{\"logProb\":-1,\"top\":"
                                + "[{\"token\":8,\"text\":\"He\",\"logProb\":-0.25}]},{\"logProb\":-2}]"),
                result(
                        ("\"toolCalls\":[{\"id\":\"c1\",\"name\":\"clock\",\"arguments\":{\"zone\":\"\\u00e4\",\"n\":1.5}}],"
                                        + "\"unreadToolCalls\":[{\"text\":\"{oops\",\"reason\":\"It is no JSON.\"}],"
                                        + "\"expert\":\"medicine\","
                                        + RESULT)
                                .formatted(2, ",\"cachedTokens\":4,\"thinkingTokens\":1,\"draftedTokens\":2")
                                .replace("\"stop\",\"stop\"", "\"toolCalls\",\"stop\"")));
        TokenLogProb first = new TokenLogProb(4, -0.5, List.of());
        TokenLogProb second = new TokenLogProb(5, -1, List.of(new TokenLogProb.Candidate(8, "He", -0.25)));
        TokenLogProb third = new TokenLogProb(6, -2, List.of());

        try (GenerationStream stream = adapter.stream(GenerationRequest.chat("Hi"))) {
            GenerationResult result = stream.result();

            assertThat(stream)
                    .containsExactly(
                            new GenerationEvent.Thinking("Hm", List.of(4), List.of(first)),
                            new GenerationEvent.Text("Hi", List.of(5, 6), List.of(second, third)),
                            new GenerationEvent.Completed(result));
            assertThat(result.text()).isEqualTo("Hi");
            assertThat(result.thinking()).isEqualTo("Hm");
            assertThat(result.tokens()).containsExactly(4, 5, 6);
            assertThat(result.logProbs()).containsExactly(first, second, third);
            assertThat(result.toolCalls())
                    .containsExactly(new ToolCall("c1", "clock", "{\"zone\":\"\u00e4\",\"n\":1.5}"));
            assertThat(result.unreadToolCalls()).containsExactly(new MalformedToolCall("{oops", "It is no JSON."));
            assertThat(result.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
            assertThat(result.usage()).isEqualTo(new Usage(5, 3, 4, 1, 2));
            assertThat(result.expert()).hasValue("medicine");
        }
    }

    @Test
    void shouldGiveAsTextAloneWhatCameAsThinkingButWasTheAnswer() {
        worker.answers(
                "generate",
                chunk(0, "\"kind\":\"thinking\",\"text\":\"It is 42.\",\"tokens\":[4]"),
                chunk(1, "\"kind\":\"text\",\"text\":\"It is 42.\",\"tokens\":[]"),
                result("\"thinkingIsAnswer\":true," + RESULT.formatted(2, "")));

        GenerationResult result = adapter.generate("Hi");

        assertThat(result.text()).isEqualTo("It is 42.");
        assertThat(result.thinking()).isEmpty();
        assertThat(result.tokens()).containsExactly(4);
    }

    @Test
    void shouldReadAsNothingWhatAWorkerOfAnOlderMinorVersionDoesNotSay() {
        worker.answers("generate", chunk(0, "\"text\":\"Hi\",\"tokens\":[5]"), result(RESULT.formatted(1, "")));

        GenerationResult result = adapter.generate("Hi");

        assertThat(result.text()).isEqualTo("Hi");
        assertThat(result.thinking()).isEmpty();
        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.unreadToolCalls()).isEmpty();
        assertThat(result.logProbs()).isEmpty();
        assertThat(result.expert()).isEmpty();
        assertThat(result.usage()).isEqualTo(new Usage(5, 3));
    }

    @Test
    void shouldFailWhenNotEveryTokenHasItsLogProbability() {
        worker.answers(
                "generate",
                chunk(0, "\"text\":\"Hi\",\"tokens\":[5,6],\"logProbs\":[{\"logProb\":-1,\"top\":[]}]"),
                result(RESULT.formatted(1, "")));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter.generate("Hi"))
                .withMessageStartingWith("The mlx worker sent an answer that can't be parsed:"
                        + " a chunk of 2 tokens has 1 log-probabilities");
    }

    @Test
    void shouldGiveAVectorForEachText() throws Exception {
        worker.answers(
                "embed", vector(0, "AACAPwAAAAA="), vector(1, "AAAAwAAAAD8="), result("\"count\":2,\"dimensions\":2"));

        assertThat(adapter.embed(List.of("a", "\ud83d\udc4b")))
                .containsExactly(new float[] {1, 0}, new float[] {-2, 0.5f});
        assertThat(worker.sent("embed")).containsExactly(JSON.readTree("{\"texts\":[\"a\",\"\ud83d\udc4b\"]}"));
    }

    static Stream<Arguments> badVectors() {
        String first = vector(0, "AACAPwAAAAA=");
        String end = result("\"count\":2,\"dimensions\":2");
        return Stream.of(
                Arguments.of("received 1 vectors in order, of 2 for 2 texts", List.of(first, end)),
                Arguments.of(
                        "received embedding 1 instead of 0",
                        List.of(vector(1, "AACAPwAAAAA="), vector(2, "AACAPwAAAAA="), end)),
                Arguments.of("received embedding 0 instead of 1", List.of(first, first, end)),
                Arguments.of("Cannot deserialize value of type `byte[]`", List.of(first, vector(1, "no!"), end)),
                Arguments.of("a vector has 3 bytes", List.of(first, vector(1, "AAAA"), end)),
                Arguments.of(
                        "received 2 vectors in order, of 1 for 2 texts",
                        List.of(first, vector(1, "AACAPwAAAAA="), result("\"count\":1,\"dimensions\":2"))),
                Arguments.of(
                        "expected a vector of 2 dimensions, but received 1",
                        List.of(first, vector(1, "AACAPw=="), end)));
    }

    @ParameterizedTest
    @MethodSource("badVectors")
    void shouldFailRatherThanGiveAVectorToAnotherText(String message, List<String> lines) {
        worker.answers("embed", lines.toArray(String[]::new));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter.embed(List.of("a", "b")))
                .withMessageStartingWith("The mlx worker sent an answer that can't be parsed: " + message);
    }

    @Test
    void shouldGiveTokensTheirCountAndTheTemplatesText() throws Exception {
        worker.answers("tokenize", result("\"tokens\":[1,2]"))
                .answers("countTokens", result("\"count\":3"))
                .answers("applyTemplate", result("\"text\":\"<user>Hi\""));
        GenerationRequest chat = GenerationRequest.builder()
                .user("Hi")
                .tools(new ToolSpec("clock", null, null))
                .thinking(true)
                .build();
        JsonNode ofChat = JSON.readTree("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
                + "\"tools\":[{\"name\":\"clock\"}],\"thinking\":true}");

        assertThat(adapter.tokenize("Hi")).containsExactly(1, 2);
        assertThat(adapter.countTokens(chat)).isEqualTo(3);
        assertThat(adapter.applyTemplate(chat)).isEqualTo("<user>Hi");
        assertThat(worker.sent("tokenize")).containsExactly(JSON.readTree("{\"prompt\":\"Hi\"}"));
        assertThat(worker.sent("countTokens")).containsExactly(ofChat);
        assertThat(worker.sent("applyTemplate")).containsExactly(ofChat);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "\"count\":null,\"tokens\":null,\"text\":null", "\"count\":{},\"tokens\":7,\"text\":[]"})
    void shouldFailWhenTokensAreMissing(String nothing) {
        worker.answers("tokenize", result(nothing))
                .answers("countTokens", result(nothing))
                .answers("applyTemplate", result(nothing));

        for (Runnable call : List.<Runnable>of(
                () -> adapter.tokenize("Hi"),
                () -> adapter.countTokens("Hi"),
                () -> adapter.applyTemplate(GenerationRequest.chat("Hi")))) {
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(call::run)
                    .withMessageStartingWith("The mlx worker sent an answer that can't be parsed: ");
        }
    }

    @Test
    void shouldAskNoWorkerWhenTheIdsAreGiven() {
        GenerationRequest ids = GenerationRequest.tokens(4, 5, 6);

        assertThat(adapter.tokenize(ids)).containsExactly(4, 5, 6);
        assertThat(adapter.countTokens(ids)).isEqualTo(3);
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.STOPPED);
    }

    @Test
    void shouldRefuseToApplyTheTemplateWhenThereAreNoMessages() {
        for (GenerationRequest request : List.of(GenerationRequest.raw("Hi"), GenerationRequest.tokens(4))) {
            assertThatExceptionOfType(InvalidRequestException.class)
                    .isThrownBy(() -> adapter.applyTemplate(request))
                    .withMessage("The request has no messages to apply the chat template to."
                            + " What to do: Create the request with GenerationRequest.chat.");
        }
    }

    static Stream<Named<Consumer<SubprocessAdapter>>> calls() {
        GenerationRequest hi = GenerationRequest.chat("Hi");
        return Stream.of(
                Named.of("embed", adapter -> adapter.embed("Hi")),
                Named.of("tokenize", adapter -> adapter.tokenize(hi)),
                Named.of("countTokens", adapter -> adapter.countTokens(hi)),
                Named.of("applyTemplate", adapter -> adapter.applyTemplate(hi)),
                Named.of("logits", adapter -> adapter.logits(List.of(1))),
                Named.of("score", adapter -> adapter.score(hi, "there")),
                Named.of("rerank", adapter -> adapter.rerank("Why?", List.of("a"))),
                Named.of("parameters", adapter -> adapter.parameters()));
    }

    @ParameterizedTest
    @MethodSource("calls")
    void shouldCountAsWorkUntilItIsClosed(Consumer<SubprocessAdapter> call) {
        adapter.warmUp();
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> call.accept(adapter)); // there is no answer
        await().atMost(SOON).until(() -> adapter.status().openRequests() == 1);

        adapter.close();

        assertFails(waiting, ClosedException.class).withMessage("The mlx worker was closed.");
    }

    @Test
    void shouldTellTheMlxWorkerItsOptions() {
        Path folders = Path.of("src", "test", "resources", "models");
        adapter = new MlxSubprocessAdapter(settings(everyOption(folders)));
        adapter.warmUp();

        assertThat(options())
                .isEqualTo(JSON.createObjectNode()
                        .put(
                                "adapter",
                                Path.of("an", "adapter").toAbsolutePath().toString())
                        .put("base", folders.toAbsolutePath().toString())
                        .put("expert", "medicine")
                        .put("dtype", "bfloat16")
                        .put("actionHead", Path.of("a.head").toAbsolutePath().toString())
                        .put("memoryLimitBytes", 7)
                        .put("draftModel", folders.toAbsolutePath().toString())
                        .put("draftTokens", 2)
                        .put("kvBits", 8)
                        .put("kvTokens", 64)
                        .put("prefixCacheBytes", 5)
                        .put("ranks", 2)
                        .put("hosts", Path.of("hosts.json").toAbsolutePath().toString())
                        .put("wiredLimit", true)
                        .put("reranker", "qwen3"));
    }

    @Test
    void shouldTellTheWorkerOnlyOfThePrefixCacheWhenNothingElseIsSet() {
        adapter.warmUp();

        assertThat(options()).isEqualTo(JSON.createObjectNode().put("prefixCacheBytes", 1 << 30));
    }

    @Test
    void shouldTellTheHfWorkerItsOptionsAndNothingOfHowMlxDecodes() {
        adapter = new HfSubprocessAdapter(settings(everyOption(Path.of("org", "name"))));
        adapter.warmUp();

        assertThat(options())
                .isEqualTo(JSON.createObjectNode()
                        .put(
                                "adapter",
                                Path.of("an", "adapter").toAbsolutePath().toString())
                        .put("base", "org/name")
                        .put("expert", "medicine")
                        .put("dtype", "bfloat16")
                        .put("actionHead", Path.of("a.head").toAbsolutePath().toString())
                        .put("trustRemoteCode", true)
                        .put("allowPickles", true)
                        .put("memoryLimitBytes", 7)
                        .put("prefixCacheBytes", 5)
                        .put("device", "mps")
                        .put("reranker", "qwen3"));
    }

    @ParameterizedTest
    @CsvSource({"true, 1", "false, 0", ", "})
    void shouldSetTf32InTheEnvironmentOfTheMlxWorker(@Nullable Boolean tf32, @Nullable String variable) {
        MlxConfig mlx = tf32 == null
                ? MlxConfig.DEFAULT
                : MlxConfig.builder().tf32(tf32).build();
        adapter = new MlxSubprocessAdapter(
                settings(WorkerConfig.builder().mlx(mlx).build()));
        adapter.warmUp();

        assertThat(worker.environments())
                .extracting(environment -> environment.path("MLX_ENABLE_TF32").textValue())
                .containsExactly(variable);
    }

    private JsonNode options() {
        return worker.sent("initialize").get(0).path("options");
    }

    /** Every option; another model is the one that is given. */
    private static WorkerConfig everyOption(Path other) {
        return WorkerConfig.builder()
                .prefixCacheBytes(5)
                .model(LoadConfig.builder()
                        .adapter(Path.of("an", "adapter"))
                        .base(other.toString())
                        .expert("medicine")
                        .dtype(Dtype.BFLOAT16)
                        .actionHead(Path.of("a.head"))
                        .trustRemoteCode(true)
                        .allowPickles(true)
                        .memoryLimitBytes(7L)
                        .device(HfDevice.MPS)
                        .reranker(RerankerKind.QWEN3)
                        .build())
                .mlx(MlxConfig.builder()
                        .draftModel(other.toString())
                        .draftTokens(2)
                        .kvBits(8)
                        .kvTokens(64)
                        .ranks(2)
                        .hosts(Path.of("hosts.json"))
                        .wiredLimit(true)
                        .build())
                .build();
    }

    private WorkerSettings settings(WorkerConfig options) {
        return new WorkerSettings("canned", false, FakeWorker::ready, worker, RestartBudget.standard(), options);
    }

    private static String chunk(int seq, String fields) {
        return notification("chunk", "\"seq\":" + seq + "," + fields);
    }

    private static String vector(int index, String base64) {
        return notification("embedding", "\"index\":" + index + ",\"vector\":\"" + base64 + "\"");
    }
}
