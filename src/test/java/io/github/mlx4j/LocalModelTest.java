package io.github.mlx4j;

import static io.github.mlx4j.CannedWorker.result;
import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.entry;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.error.LoadAttempt.Outcome;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.NotLoadedException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.port.Action;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class LocalModelTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Platform APPLE_SILICON = new Platform("Mac OS X", "aarch64", false);
    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final String BROKEN = "{\"error\":\"ModelLoadFailed\"}";
    private static final String DYING = "{\"exit\":3}";

    @TempDir
    private Path folder;

    private Path mlxPython;
    private Path hfPython;
    private LocalModel model;

    @BeforeEach
    void makePythons() throws IOException {
        mlxPython = StubPython.withFakeWorker(folder.resolve("mlx").resolve("python"));
        hfPython = StubPython.withFakeWorker(folder.resolve("hf").resolve("python"));
        model = model(config("fake"));
    }

    @AfterEach
    void closeModel() {
        model.close();
    }

    @Test
    void shouldLoadThroughMlxWhenItCan() {
        LoadReport report = model.loadOrThrow();

        assertThat(report.backend()).isEqualTo(new Backend(ProviderKind.MLX, "fake", "cpu"));
        assertThat(report.attempts()).extracting(LocalModelTest::brief).containsExactly(loaded("mlx"));
        assertThat(report.attempts().get(0).took()).isPositive();
        assertThat(report.warnings()).isEmpty();
        assertThat(report.details()).isEqualTo(model.details());
        assertThat(model.backend()).hasValue(report.backend());
        assertThat(folder.resolve("hf").resolve("calls"))
                .as("nothing of hf is asked")
                .doesNotExist();
    }

    @Test
    void shouldDoAllThatAWorkerCanWhenLoaded() {
        assertThat(model.load()).isTrue();

        assertThat(model.text().generate("Hi").text()).isEqualTo("Hi");
        assertThat(model.embed("abc")).containsExactly(3, 'a');
        assertThat(model.embeddings().embed(List.of("a", "b"))).hasSize(2);
        assertThat(model.tokenizer().tokenize("ab")).containsExactly(97, 98);
        assertThat(model.analysis().logits(List.of(1))).hasSize(1);
        assertThat(model.parameters()).hasSize(1);
        assertThat(model.actionHead()).isEmpty();
        assertThat(model.status().state()).isEqualTo(WorkerStatus.State.READY);
        assertThat(model.status().memory()).isPresent();
    }

    @Test
    void shouldLoadThroughTransformersWhenMlxFails() {
        model = model(config("fake").mlxModelPath(BROKEN));

        LoadReport report = model.loadOrThrow();

        assertThat(report.backend()).isEqualTo(new Backend(ProviderKind.HF, "fake", "cpu"));
        assertThat(report.attempts())
                .extracting(LocalModelTest::brief)
                .containsExactly(new Tuple("mlx", Outcome.FAILED, "MODEL_LOAD_FAILED"), loaded("hf"));
        assertThat(report.attempts().get(0).message())
                .isEqualTo("ModelLoadFailed on demand What to do: Ask for something else.");
        assertThat(model.text().generate("Hi").backend().provider()).isEqualTo(ProviderKind.HF);
        assertThat(workers()).as("the worker of the failed attempt is gone").isEqualTo(1);
    }

    @Test
    void shouldLoadThroughTransformersWhenTheMlxWorkerDiesWhileItLoads() {
        model = model(config("fake").mlxModelPath(DYING));

        assertThat(model.loadOrThrow().attempts())
                .extracting(LocalModelTest::brief)
                .containsExactly(new Tuple("mlx", Outcome.FAILED, "WORKER_DIED"), loaded("hf"));
    }

    @Test
    void shouldLeaveMlxOutWhenItCannotRunHere() {
        model = new LocalModel(config("fake").build(), LINUX);

        LoadReport report = model.loadOrThrow();

        assertThat(report.attempts())
                .extracting(LocalModelTest::brief)
                .containsExactly(new Tuple("mlx", Outcome.SKIPPED, "NOT_MACOS"), loaded("hf"));
        assertThat(report.attempts().get(0).toString())
                .startsWith("mlx: skipped (NOT_MACOS): MLX is made for macOS on Apple silicon, but this is Linux");
    }

    @Test
    void shouldLeaveMlxOutWhenItIsNotWanted() throws IOException {
        model = model(config("fake").useMlx(false).adapterPolicy(AdapterPolicy.FAIL));

        assertThat(model.loadOrThrow(peftAdapter()).attempts())
                .extracting(LocalModelTest::brief)
                .containsExactly(new Tuple("mlx", Outcome.SKIPPED, "NOT_WANTED"), loaded("hf"));
        assertThat(folder.resolve("mlx").resolve("calls"))
                .as("it is not even probed")
                .doesNotExist();
    }

    @Test
    void shouldGiveMlxAModelOfItsOwnWhenOneIsNamed() {
        model = model(config("fake").mlxModelPath("quantized"));

        assertThat(model.loadOrThrow().backend().model()).isEqualTo("quantized");
    }

    @Test
    void shouldListEveryAttemptWhenNoneLoads() {
        model = model(config(BROKEN).mlxModelPath(DYING));

        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(model::loadOrThrow)
                .withMessageStartingWith("No backend could load " + BROKEN + ":\n- mlx: failed after ")
                .withMessageContaining(" (WORKER_DIED): The mlx worker died (exit code 3).")
                .withMessageContaining("\n- hf: failed after ")
                .withMessageContaining(" (MODEL_LOAD_FAILED): ModelLoadFailed on demand")
                .withMessageEndingWith(
                        "\n What to do: Fix one of the causes listed above; `mlx4j doctor` shows what can run here.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("NO_BACKEND_LOADED"))
                .satisfies(error -> assertThat(error.attempts())
                        .extracting(LocalModelTest::brief)
                        .containsExactly(
                                new Tuple("mlx", Outcome.FAILED, "WORKER_DIED"),
                                new Tuple("hf", Outcome.FAILED, "MODEL_LOAD_FAILED")))
                .satisfies(error -> assertThat(error.getSuppressed())
                        .hasOnlyElementsOfTypes(WorkerDiedException.class, ModelLoadException.class)
                        .hasSize(2));
        assertThat(workers()).isZero();
        assertThatExceptionOfType(NotLoadedException.class).isThrownBy(model::text);
    }

    @Test
    void shouldListWhatWasLeftOutWhenNoneCanRunHere() throws IOException {
        Files.delete(hfPython);
        model = model(config("fake").useMlx(false));

        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(model::loadOrThrow)
                .withMessageContaining("\n- mlx: skipped (NOT_WANTED): The model is configured with useMlx(false).")
                .withMessageContaining("\n- hf: skipped (PYTHON_NOT_FOUND): There is no Python interpreter at ")
                .satisfies(error -> assertThat(error.getSuppressed()).isEmpty());
    }

    @Test
    void shouldBeFalseRatherThanThrowWhenNoneLoads() {
        model = model(config(BROKEN));

        assertThat(model.load()).isFalse();
        assertThat(model.load(folder)).isFalse();
        assertThat(model.backend()).isEmpty();
    }

    static Stream<Named<Consumer<LocalModel>>> uses() {
        return Stream.of(
                Named.of("details", LocalModel::details),
                Named.of("text", LocalModel::text),
                Named.of("embeddings", LocalModel::embeddings),
                Named.of("embed", model -> model.embed("Hi")),
                Named.of("tokenizer", LocalModel::tokenizer),
                Named.of("analysis", LocalModel::analysis),
                Named.of("parameters", LocalModel::parameters),
                Named.of("actionHead", LocalModel::actionHead),
                Named.of("requireActionHead", LocalModel::requireActionHead),
                Named.of("status", LocalModel::status));
    }

    @ParameterizedTest
    @MethodSource("uses")
    void shouldAskForALoadWhenUsedBeforeOne(Consumer<LocalModel> use) {
        assertThat(model.backend()).isEmpty();
        assertThatExceptionOfType(NotLoadedException.class)
                .isThrownBy(() -> use.accept(model))
                .withMessage("The model fake is not loaded. What to do: Call load first.");
    }

    @ParameterizedTest
    @MethodSource("uses")
    void shouldSayThatItIsClosedWhenUsedAfterThat(Consumer<LocalModel> use) {
        model.load();
        model.close();
        model.close();

        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> use.accept(model));
        assertThatExceptionOfType(ClosedException.class)
                .isThrownBy(model::load)
                .withMessage("This model was closed. What to do: Create a new one.");
        assertThat(model.backend()).isEmpty();
        assertThat(workers()).isZero();
    }

    @Test
    void shouldReplaceTheFormerModelWhenLoadedAnew() {
        model.load();
        TextGenerationPort former = model.text();

        assertThat(model.load()).isTrue();

        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> former.generate("Hi"));
        assertThat(model.text().generate("Hi").text()).isEqualTo("Hi");
        assertThat(workers()).isEqualTo(1);
    }

    @Test
    void shouldHaveNoModelWhenANewLoadFails() throws IOException {
        model = model(config("fake").adapterPolicy(AdapterPolicy.FAIL));
        model.load();
        Files.delete(hfPython);

        assertThat(model.load(peftAdapter())).isFalse();

        assertThat(model.backend()).isEmpty();
        assertThat(workers()).isZero();
    }

    @Test
    void shouldLoadOneAfterTheOtherWhenManyLoadAtOnce() {
        List<CompletableFuture<Boolean>> loads = Stream.generate(() -> CompletableFuture.supplyAsync(model::load))
                .limit(4)
                .toList();

        assertThat(loads)
                .allSatisfy(load -> assertThat(load).succeedsWithin(SOON).isEqualTo(true));
        assertThat(model.text().generate("Hi").text()).isEqualTo("Hi");
        assertThat(workers()).isEqualTo(1);
    }

    @Test
    void shouldEndALoadWhenClosed() {
        model = model(config("{\"until\":\"" + folder.resolve("never") + "\"}"));
        CompletableFuture<Boolean> load = CompletableFuture.supplyAsync(model::load);
        await().atMost(SOON).until(() -> workers() == 1);

        model.close();

        assertFails(load, ClosedException.class);
        assertThat(workers()).isZero();
        assertThat(folder.resolve("hf").resolve("calls")).as("hf is not tried").doesNotExist();
    }

    @Test
    void shouldEndALoadWhenInterrupted() throws Exception {
        model = model(config("{\"until\":\"" + folder.resolve("never") + "\"}"));
        CompletableFuture<Boolean> load = new CompletableFuture<>();
        AtomicBoolean flag = new AtomicBoolean();
        Thread caller = new Thread(() -> {
            try {
                load.complete(model.load());
            } catch (RuntimeException error) {
                flag.set(Thread.currentThread().isInterrupted());
                load.completeExceptionally(error);
            }
        });
        caller.start();
        await().atMost(SOON).until(() -> workers() == 1);

        caller.interrupt();

        assertFails(load, CancelledException.class);
        caller.join();
        assertThat(flag).isTrue();
        await().atMost(SOON).until(() -> workers() == 0);
        assertThat(folder.resolve("hf").resolve("calls")).as("hf is not tried").doesNotExist();
    }

    @Test
    void shouldGiveMlxAnAdapterOfPeftToConvert() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        Path adapter = peftAdapter();

        assertThat(model.loadOrThrow(adapter).warnings()).isEmpty();

        assertThat(options(mlx).path("adapter").asText()).isEqualTo(adapter.toString());
    }

    @Test
    void shouldLeaveAnAdapterOfPeftToTransformersWhenThePolicyIsToFail() throws IOException {
        CannedWorker hf = canned(ProviderKind.HF);
        model = model(config("fake").adapterPolicy(AdapterPolicy.FAIL));
        Path adapter = peftAdapter();

        LoadReport report = model.loadOrThrow(adapter);

        assertThat(report.attempts())
                .extracting(LocalModelTest::brief)
                .containsExactly(new Tuple("mlx", Outcome.FAILED, "NOT_SUPPORTED"), loaded("hf"));
        assertThat(report.attempts().get(0).message())
                .startsWith(adapter + " is a PEFT adapter, which mlx would have to convert");
        assertThat(options(hf).path("adapter").asText()).isEqualTo(adapter.toString());
        assertThat(folder.resolve("mlx").resolve("calls"))
                .as("no worker was started")
                .hasContent("probe");
    }

    @Test
    void shouldSaySoWhenMlxLoadsWithoutTheAdapter() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        model = model(config("fake").adapterPolicy(AdapterPolicy.IGNORE));
        Path adapter = peftAdapter();

        assertThat(model.loadOrThrow(adapter).warnings())
                .containsExactly("The adapter " + adapter
                        + " was not applied: it is a PEFT adapter, and the adapter policy is IGNORE.");
        assertThat(options(mlx).has("adapter")).isFalse();
    }

    @Test
    void shouldGiveAnAdapterOfMlxLmToMlxOnlyWhateverThePolicy() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        Path adapter = adapter("{\"num_layers\": 2}");
        model = model(config("fake").adapterPolicy(AdapterPolicy.IGNORE));

        assertThat(model.loadOrThrow(adapter).warnings()).isEmpty();
        assertThat(options(mlx).path("adapter").asText()).isEqualTo(adapter.toString());

        model.close();
        model = model(config("fake").useMlx(false));
        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(() -> model.loadOrThrow(adapter))
                .withMessageContaining("\n- hf: skipped (NO_ADAPTERS): hf loads only PEFT adapters, but " + adapter
                        + " is an mlx-lm adapter.");
    }

    @Test
    void shouldTakeTheConfigurationsAdapterWhenNoOtherIsGiven() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        Path other = adapter("{\"num_layers\": 2}");
        model = model(config("fake")
                .options(LoadConfig.builder().adapter(peftAdapter()).build()));

        model.load();
        model.load(other);

        assertThat(mlx.sent("initialize"))
                .extracting(params -> params.path("options").path("adapter").asText())
                .containsExactly(peftAdapter().toString(), other.toString());
    }

    @Test
    void shouldTellTheWorkerOfTheModelAndItsOptions() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        model = model(config("org/name")
                .download(true)
                .options(LoadConfig.builder()
                        .dtype(Dtype.FLOAT16)
                        .base("org/base")
                        .build()));

        model.load();

        JsonNode sent = mlx.sent("initialize").get(0);
        assertThat(sent.path("model").path("source").asText()).isEqualTo("org/name");
        assertThat(sent.path("download").asBoolean()).isTrue();
        assertThat(sent.path("options").path("dtype").asText()).isEqualTo("float16");
        assertThat(sent.path("options").path("base").asText()).isEqualTo("org/base");
    }

    @Test
    void shouldWarnOfWhatTheWorkerWarnsOf() throws IOException {
        canned(
                ProviderKind.MLX,
                worker -> worker.answers(
                        "initialize", result("\"model\":\"m\",\"device\":\"gpu\",\"warnings\":[\"Beware.\"]")));

        assertThat(model.loadOrThrow().warnings()).containsExactly("Beware.");
    }

    @Test
    void shouldHaveNoActionHeadOnMlxAndSaySo() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        model = model(config("fake")
                .options(LoadConfig.builder().actionHead(Path.of("/head")).build()));

        assertThat(model.loadOrThrow().warnings())
                .containsExactly("The action head /head was not loaded: mlx does not support action heads."
                        + " To load it with transformers, set useMlx(false).");
        assertThat(options(mlx).has("actionHead")).isFalse();
        assertThat(model.actionHead()).isEmpty();
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(model::requireActionHead)
                .withMessage("An action head needs transformers, but this model runs on mlx. What to do: Load it with"
                        + " useMlx(false) and an actionHead or actionHeadSeed.");
    }

    @Test
    void shouldHaveAFreshActionHeadOnTransformersOnly() throws IOException {
        CannedWorker mlx = canned(ProviderKind.MLX);
        CannedWorker hf = canned(ProviderKind.HF);
        LoadConfig fresh = LoadConfig.builder().actionHeadSeed(7L).build();

        model = model(config("fake").options(fresh));
        assertThat(model.loadOrThrow().warnings())
                .containsExactly("The action head with seed 7 was not loaded: mlx does not support action heads."
                        + " To load it with transformers, set useMlx(false).");
        assertThat(options(mlx).has("actionHeadSeed")).isFalse();
        model.close();

        model = model(config("fake").useMlx(false).options(fresh));
        assertThat(model.loadOrThrow().warnings()).isEmpty();
        assertThat(options(hf).path("actionHeadSeed").asLong()).isEqualTo(7);
    }

    @Test
    void shouldRefuseAnActionHeadFromBothAFileAndASeed() {
        LoadConfig fresh = LoadConfig.builder().actionHeadSeed(7L).build();

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> fresh.toBuilder().actionHead(Path.of("/head")).build())
                .withMessageContaining("actionHead and actionHeadSeed can't be used together.");
    }

    @Test
    void shouldHaveTheActionHeadOnTransformers() throws IOException {
        CannedWorker hf = canned(
                ProviderKind.HF,
                worker -> worker.answers(
                                "initialize",
                                result(
                                        "\"model\":\"m\",\"device\":\"cpu\",\"capabilities\":[\"embeddings\",\"actions\"]"))
                        .answers(
                                "classifyActions",
                                result(
                                        "\"actions\":[\"ADD\",\"UPDATE\",\"DELETE\",\"RETRIEVE\",\"SUMMARY\",\"FILTER\"],"
                                                + "\"logits\":[[6,5,4,3,2,1]]")));
        model = model(config("fake")
                .useMlx(false)
                .options(LoadConfig.builder().actionHead(Path.of("/head")).build()));

        assertThat(model.loadOrThrow().warnings()).isEmpty();
        assertThat(options(hf).path("actionHead").asText()).isEqualTo("/head");
        assertThat(model.actionHead()).isPresent();
        assertThat(model.requireActionHead().logits("Hi")).contains(entry(Action.ADD, 6.0), entry(Action.FILTER, 1.0));
    }

    @Test
    void shouldNameTheMissingFileWhenThereIsNoActionHeadOnTransformers() {
        model = model(config("fake").useMlx(false));
        model.load();

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(model::requireActionHead)
                .withMessageStartingWith("This model was loaded without an action head.");
    }

    private ModelConfig.Builder config(String name) {
        return ModelConfig.builder(
                name,
                ProviderConfig.builder()
                        .interpreter(ProviderKind.MLX, mlxPython.toString())
                        .interpreter(ProviderKind.HF, hfPython.toString())
                        .home(folder.resolve("home"))
                        .download(false)
                        .build());
    }

    private static LocalModel model(ModelConfig.Builder config) {
        return new LocalModel(config.build(), APPLE_SILICON);
    }

    private CannedWorker canned(ProviderKind kind) throws IOException {
        return canned(kind, worker -> worker);
    }

    /** A canned worker, with these answers, in the place of a provider's. */
    private CannedWorker canned(ProviderKind kind, UnaryOperator<CannedWorker> answers) throws IOException {
        CannedWorker worker = answers.apply(new CannedWorker(folder.resolve(kind.id())));
        StubPython.withWorker(folder.resolve(kind.id()).resolve("python"), worker);
        return worker;
    }

    private static JsonNode options(CannedWorker worker) {
        return worker.sent("initialize").get(0).path("options");
    }

    private Path peftAdapter() throws IOException {
        return adapter("{\"peft_type\": \"LORA\", \"r\": 8}");
    }

    private Path adapter(String config) throws IOException {
        Path adapter = Files.createDirectories(folder.resolve(config.contains("peft") ? "peft" : "mlx-lm"));
        Files.writeString(adapter.resolve("adapter_config.json"), config);
        return adapter;
    }

    /** How many worker processes of this test there are. */
    private long workers() {
        return ProcessHandle.current()
                .children()
                .filter(child -> child.info().commandLine().orElse("").contains("fake_worker.py"))
                .count();
    }

    private static Tuple loaded(String provider) {
        return new Tuple(provider, Outcome.LOADED, "");
    }

    private static Tuple brief(LoadAttempt attempt) {
        return new Tuple(attempt.provider(), attempt.outcome(), attempt.code());
    }
}
