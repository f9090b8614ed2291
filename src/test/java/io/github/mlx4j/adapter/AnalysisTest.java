package io.github.mlx4j.adapter;

import static io.github.mlx4j.CannedWorker.notification;
import static io.github.mlx4j.CannedWorker.result;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.port.Action;
import io.github.mlx4j.port.ActionHeadPort;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the analysis of a model: its details, and the probabilities that it assigns to texts. */
@Timeout(60)
class AnalysisTest {

    private static final JsonMapper JSON = new JsonMapper();
    private static final String UNREADABLE = "The mlx worker sent an answer that can't be parsed: ";
    private static final String ACTIONS =
            "\"actions\":[\"ADD\",\"UPDATE\",\"DELETE\",\"RETRIEVE\",\"SUMMARY\",\"FILTER\"]";

    private CannedWorker worker;
    private SubprocessAdapter adapter;

    @TempDir
    private Path folder;

    @BeforeEach
    void makeWorker() {
        worker = new CannedWorker(folder);
        adapter = adapter("canned", worker);
    }

    @AfterEach
    void closeAdapter() {
        adapter.close();
    }

    @Test
    void shouldSayWhatWasLoaded() {
        worker.answers("initialize", result("""
                "model":"/m","device":"gpu","contextLength":4096,"vocabularySize":9,"chat":true,"concurrent":true,
                "capabilities":["embeddings"],"format":"dylora","base":"org/base","adapter":"/a",
                "experts":["medicine","law"],"dtype":"bfloat16","warnings":["Beware."],
                "embeddings":{"pooling":["mean","cls"],"origin":"family","modules":["dense","normalize"],
                "prompts":{"query":"Q: "},"defaultPrompt":"query","maxTokens":512},
                "samplingDefaults":{"temperature":0.5,"logitBias":{"3":1.5}},
                "memory":{"activeBytes":7,"peakBytes":8},"packages":{"mlx":"1"}
                """.replace("\n", "")));

        assertThat(adapter.details())
                .isEqualTo(new ModelDetails(
                        new Backend(ProviderKind.MLX, "/m", "gpu"),
                        "dylora",
                        Optional.of("org/base"),
                        Optional.of("/a"),
                        List.of("medicine", "law"),
                        "bfloat16",
                        OptionalInt.of(4096),
                        9,
                        true,
                        true,
                        List.of("embeddings"),
                        new Sampling(0.5, null, null, null, null, null, null, null, Map.of(3, 1.5)),
                        7,
                        Optional.of(new EmbeddingDetails(
                                List.of("mean", "cls"),
                                EmbeddingDetails.Origin.FAMILY,
                                List.of("dense", "normalize"),
                                Map.of("query", "Q: "),
                                Optional.of("query"),
                                OptionalInt.of(512),
                                OptionalInt.empty())),
                        List.of("Beware."),
                        Map.of("mlx", "1")));
    }

    @Test
    void shouldSayOfAModelWhatThereIsWhenTheWorkerSaysLittle() {
        ModelDetails details = adapter.details();

        assertThat(details.format()).isEqualTo("model");
        assertThat(details.contextLength()).isEmpty();
        assertThat(details.base()).isEmpty();
        assertThat(details.embeddings()).isEmpty();
        assertThat(details.samplingDefaults()).isEqualTo(Sampling.DEFAULT);
        assertThat(details.packages()).isEmpty();
    }

    @Test
    void shouldSayWhyThereIsNothingToSayWhenTheModelCannotBeLoaded() {
        adapter.close();
        adapter = adapter("{\"error\":\"ModelLoadFailed\"}", FakeWorker.SCRIPTS);

        assertThatExceptionOfType(ModelLoadException.class).isThrownBy(adapter::details);
    }

    @Test
    void shouldGiveTheLogitsOfEachPlace() throws Exception {
        worker.answers(
                "logits",
                logits(0, "AACAPwAAAAA="),
                logits(1, "AAAAwAAAAD8="),
                result("\"count\":2,\"vocabularySize\":2"));

        assertThat(adapter.logits(List.of(7, 8))).containsExactly(new float[] {1, 0}, new float[] {-2, 0.5f});
        assertThat(worker.sent("logits")).containsExactly(JSON.readTree("{\"tokens\":[7,8]}"));
    }

    static Stream<Arguments> badLogits() {
        String first = logits(0, "AACAPwAAAAA=");
        String end = result("\"count\":2,\"vocabularySize\":2");
        return Stream.of(
                Arguments.of("received 1 vectors in order, of 2 for 2 tokens", List.of(first, end)),
                Arguments.of("received positionLogits 2 instead of 1", List.of(first, logits(2, "AACAPwAAAAA="), end)),
                Arguments.of("received positionLogits 0 instead of 1", List.of(first, first, end)),
                Arguments.of("Cannot deserialize value of type `byte[]`", List.of(first, logits(1, "no!"), end)),
                Arguments.of("a vector has 3 bytes", List.of(first, logits(1, "AAAA"), end)),
                Arguments.of(
                        "received 1 vectors in order, of 2 for 2 tokens",
                        List.of(first, notification("embedding", "\"index\":1,\"vector\":\"\""), end)),
                Arguments.of(
                        "received 2 vectors in order, of 3 for 2 tokens",
                        List.of(first, logits(1, "AACAPwAAAAA="), result("\"count\":3,\"vocabularySize\":2"))),
                Arguments.of(
                        "expected a vector of 2 dimensions, but received 1",
                        List.of(first, logits(1, "AACAPw=="), end)));
    }

    @ParameterizedTest
    @MethodSource("badLogits")
    void shouldFailRatherThanGiveLogitsToAnotherPlace(String message, List<String> lines) {
        worker.answers("logits", lines.toArray(String[]::new));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter.logits(List.of(7, 8)))
                .withMessageStartingWith(UNREADABLE + message);
    }

    static Stream<Arguments> prompts() {
        return Stream.of(
                Arguments.of(GenerationRequest.raw("Hi"), "{\"prompt\":\"Hi\",\"completion\":\" you\"}"),
                Arguments.of(GenerationRequest.tokens(1, 2), "{\"tokens\":[1,2],\"completion\":\" you\"}"),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").thinking(false).build(),
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"thinking\":false,"
                                + "\"completion\":\" you\"}"));
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void shouldScoreACompletion(GenerationRequest prompt, String params) throws Exception {
        worker.answers("score", result("\"promptTokens\":2,\"tokens\":[5,6],\"logProbs\":[-0.5,-1],\"greedy\":true"));

        Score score = adapter.score(prompt, " you");

        assertThat(score).isEqualTo(new Score(2, List.of(5, 6), List.of(-0.5, -1.0), true));
        assertThat(score.logProb()).isEqualTo(-1.5, within(1e-12));
        assertThat(worker.sent("score")).containsExactly(JSON.readTree(params));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\"tokens\":[5],\"logProbs\":[-1],\"greedy\":true",
                "\"promptTokens\":2,\"tokens\":[5],\"logProbs\":[-1]",
                "\"promptTokens\":2,\"tokens\":[5,6],\"logProbs\":[-1],\"greedy\":true",
                "\"promptTokens\":2,\"tokens\":[5],\"logProbs\":[null],\"greedy\":true"
            })
    void shouldFailWhenAScoreIsNotWhole(String fields) {
        worker.answers("score", result(fields));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter.score(GenerationRequest.raw("Hi"), "you"))
                .withMessageStartingWith(UNREADABLE);
    }

    @Test
    void shouldRerankDocuments() throws Exception {
        worker.answers("rerank", result("\"scores\":[0.25,0.75],\"probabilities\":true,\"promptTokens\":9"));

        RerankResult result = adapter.rerank(RerankRequest.builder("Why?", List.of("a", "b"))
                .instruction("Judge")
                .truncate(true)
                .build());

        assertThat(result.scores()).containsExactly(0.25, 0.75);
        assertThat(result.probabilities()).isTrue();
        assertThat(result.promptTokens()).isEqualTo(9);
        assertThat(result.backend().provider()).isEqualTo(ProviderKind.MLX);
        assertThat(worker.sent("rerank"))
                .containsExactly(
                        JSON.readTree(
                                "{\"query\":\"Why?\",\"documents\":[\"a\",\"b\"],\"instruction\":\"Judge\",\"truncate\":true}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\"scores\":[0.5],\"probabilities\":true,\"promptTokens\":9",
                "\"scores\":[0.5,null],\"probabilities\":true,\"promptTokens\":9",
                "\"scores\":[0.5,0.6],\"promptTokens\":9",
                "\"scores\":[0.5,0.6],\"probabilities\":true"
            })
    void shouldFailWhenNotEveryDocumentHasItsScore(String fields) {
        worker.answers("rerank", result(fields));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter.rerank("Why?", List.of("a", "b")))
                .withMessageStartingWith(UNREADABLE);
    }

    @Test
    void shouldListTheParameters() throws Exception {
        worker.answers(
                "parameters", result("\"parameters\":[{\"name\":\"a.weight\",\"shape\":[2,3],\"dtype\":\"float32\"}]"));

        assertThat(adapter.parameters()).containsExactly(new Parameter("a.weight", List.of(2, 3), "float32"));
        assertThat(worker.sent("parameters")).containsExactly(JSON.readTree("{}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "\"parameters\":[{\"shape\":[1],\"dtype\":\"a\"}]", "\"parameters\":[{\"name\":\"a\"}]"})
    void shouldFailWhenAParameterIsNotWhole(String fields) {
        worker.answers("parameters", result(fields));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(adapter::parameters)
                .withMessageStartingWith(UNREADABLE);
    }

    @Test
    void shouldHaveNoActionHeadWhenTheWorkerNamesNone() {
        assertThat(adapter.actionHead()).isEmpty();
    }

    @Test
    void shouldClassifyWithTheActionHead() throws Exception {
        ActionHeadPort head = actionHead(ACTIONS + ",\"logits\":[[1,2,3,4,5,-0.5]]");

        Map<Action, Double> logits = head.logits("Remember this");

        assertThat(logits)
                .containsExactly(
                        Map.entry(Action.ADD, 1.0),
                        Map.entry(Action.UPDATE, 2.0),
                        Map.entry(Action.DELETE, 3.0),
                        Map.entry(Action.RETRIEVE, 4.0),
                        Map.entry(Action.SUMMARY, 5.0),
                        Map.entry(Action.FILTER, -0.5));
        assertThat(worker.sent("classifyActions")).containsExactly(JSON.readTree("{\"texts\":[\"Remember this\"]}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"logits\":[[1]]",
                "\"actions\":[\"ADD\"],\"logits\":[[1]]",
                "\"actions\":[\"SING\"],\"logits\":[[1]]",
                ACTIONS,
                ACTIONS + ",\"logits\":[]",
                ACTIONS + ",\"logits\":[[1,2,3,4,5]]",
                ACTIONS + ",\"logits\":[[1,2,3,4,5,6],[1,2,3,4,5,6]]"
            })
    void shouldFailWhenNotEveryActionHasItsLogit(String fields) {
        ActionHeadPort head = actionHead(fields);

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> head.logits("Hi"))
                .withMessageStartingWith(UNREADABLE);
    }

    @Test
    void shouldAskTheFakeWorkerForReal() {
        adapter.close();
        adapter = adapter("fake", FakeWorker.SCRIPTS);

        assertThat(adapter.logits(List.of(7))).containsExactly(new float[] {7, 0, 1, 2});
        assertThat(adapter.score(GenerationRequest.raw("ab"), "xy"))
                .isEqualTo(new Score(2, List.of(120, 121), List.of(-0.0, -1.0), true));
        assertThat(adapter.parameters()).containsExactly(new Parameter("echo.weight", List.of(1, 2), "float32"));
        assertThat(adapter.details().dtype()).isEqualTo("float32");
        assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(() -> adapter.logits(List.of()));
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> adapter.score(GenerationRequest.raw("ab"), ""));
    }

    static Stream<Arguments> queries() {
        return Stream.of(
                query("logits", adapter -> adapter.logits(List.of(1, 2))),
                query("score", adapter -> adapter.score(GenerationRequest.raw("Hi"), "you")),
                query("rerank", adapter -> adapter.rerank("Why?", List.of("a"))),
                query("parameters", SubprocessAdapter::parameters),
                query(
                        "classifyActions",
                        adapter -> adapter.actionHead().orElseThrow().logits("Hi")));
    }

    private static Arguments query(String method, Function<SubprocessAdapter, Object> query) {
        return Arguments.of(method, query);
    }

    @ParameterizedTest
    @MethodSource("queries")
    void shouldBeSentOnceMoreWhenTheWorkerDiesInTheMiddle(String method, Function<SubprocessAdapter, Object> query) {
        canAnswerAll().dies(method, 1);

        assertThat(query.apply(adapter)).isNotNull();
        assertThat(worker.sent(method)).hasSize(2);
        assertThat(adapter.status().failures()).isEqualTo(1);
    }

    @ParameterizedTest
    @MethodSource("queries")
    void shouldFailWhenTheWorkerDiesTwice(String method, Function<SubprocessAdapter, Object> query) {
        canAnswerAll().dies(method, 2);

        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> query.apply(adapter))
                .satisfies(error -> assertThat(error.exitCode()).isEqualTo(9));
        assertThat(worker.sent(method)).hasSize(2);
    }

    private CannedWorker canAnswerAll() {
        return withActionHead(ACTIONS + ",\"logits\":[[1,2,3,4,5,6]]")
                .answers(
                        "logits",
                        logits(0, "AACAPw=="),
                        logits(1, "AACAPw=="),
                        result("\"count\":2,\"vocabularySize\":1"))
                .answers("score", result("\"promptTokens\":1,\"tokens\":[5],\"logProbs\":[-1],\"greedy\":true"))
                .answers("rerank", result("\"scores\":[0.5],\"probabilities\":true,\"promptTokens\":9"))
                .answers("parameters", result("\"parameters\":[]"));
    }

    private ActionHeadPort actionHead(String fields) {
        withActionHead(fields);
        return adapter.actionHead().orElseThrow();
    }

    private CannedWorker withActionHead(String fields) {
        return worker.answers("initialize", result("\"model\":\"m\",\"device\":\"cpu\",\"capabilities\":[\"actions\"]"))
                .answers("classifyActions", result(fields));
    }

    private static SubprocessAdapter adapter(String model, WorkerScripts scripts) {
        return new MlxSubprocessAdapter(new WorkerSettings(
                model, false, FakeWorker::ready, scripts, RestartBudget.standard(), WorkerConfig.DEFAULT));
    }

    private static String logits(int index, String base64) {
        return notification("positionLogits", "\"index\":" + index + ",\"values\":\"" + base64 + "\"");
    }
}
