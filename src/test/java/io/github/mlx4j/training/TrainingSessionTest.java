package io.github.mlx4j.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.AdapterFormat;
import io.github.mlx4j.training.config.Schedule;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
class TrainingSessionTest {

    private static final Batch BATCH = Batch.of(List.of(List.of(1, 2, 3)));

    @TempDir
    private Path folder;

    private FakeTraining fake;

    @BeforeEach
    void makeFake() {
        fake = new FakeTraining(folder);
    }

    @Test
    void shouldTakeAWorkerToHangAfterHalfAnHourUnlessTheSettingIsLonger() {
        assertThat(BackendSelector.limits(Duration.ofSeconds(120)).silence()).isEqualTo(Duration.ofMinutes(30));
        assertThat(BackendSelector.limits(Duration.ofHours(2)).silence()).isEqualTo(Duration.ofHours(2));
    }

    @Test
    void shouldTrainByHand() throws Exception {
        try (TrainingSession session = open("fake")) {
            assertThat(session.info().backend().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(session.info().train()).hasValue(new DataSummary(8, 48, 0, 0, 40));
            double first = session.trainStep().loss();
            assertThat(session.trainStep(BATCH).loss()).isLessThan(first);
            assertThat(session.accumulate().accumulated()).isEqualTo(1);
            assertThat(session.accumulate(BATCH).accumulated()).isEqualTo(2);
            TrainingStep step = session.applyGradients();
            assertThat(step.step()).isEqualTo(3);
            assertThat(step.tokens()).isEqualTo(12);
            assertThat(step.memory()).isEqualTo(new TrainingMemory(1000L, 2003L));
            assertThat(session.validate(1).sequences()).isEqualTo(1);
            assertThat(session.validate(BATCH).tokens()).isEqualTo(2);
            session.gradients(BATCH, folder.resolve("gradients.safetensors"));
            assertThat(folder.resolve("gradients.safetensors")).isNotEmptyFile();
            assertThat(session.saveCheckpoint(folder.resolve("three"))).isEqualTo(3);
            session.saveAdapter(folder.resolve("adapter"));
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> session.saveAdapter(folder.resolve("other"), AdapterFormat.MLX));
            assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(session::applyGradients);
        }
        try (TrainingSession again = open("fake")) {
            assertThat(again.loadCheckpoint(folder.resolve("three"))).isEqualTo(3);
            assertThat(again.trainStep().step()).isEqualTo(4);
        }
    }

    @Test
    void shouldSayHowTheWorkerEndedInEveryCall() throws Exception {
        try (TrainingSession session = open(FakeTraining.model("dieAt", 1))) {
            for (int i = 0; i < 2; i++) {
                assertThatExceptionOfType(WorkerDiedException.class)
                        .isThrownBy(session::trainStep)
                        .satisfies(death -> assertThat(death.exitCode()).isEqualTo(137))
                        .withMessageContaining("the last words");
            }
        }
        assertThat(Files.readAllLines(folder.resolve("mlx/calls"))).containsExactly("probe", "worker");
    }

    @Test
    void shouldLeaveNothingOfAStepThatIsCancelled() throws Exception {
        Path reached = folder.resolve("reached");
        String model = FakeTraining.model("slowAt", 2, "reached", reached.toString());
        try (TrainingSession session = TrainingSession.open(
                fake.providers(), model, fake.config().accumulation(1000).build())) {
            session.trainStep();
            CompletableFuture<TrainingStep> step = CompletableFuture.supplyAsync(session::trainStep);
            await().atMost(1, TimeUnit.MINUTES).until(() -> Files.exists(reached));
            session.cancel();
            assertThat(step)
                    .failsWithin(1, TimeUnit.MINUTES)
                    .withThrowableThat()
                    .withCauseInstanceOf(CancelledException.class);
            assertThat(session.saveCheckpoint(folder.resolve("one"))).isEqualTo(1);
        }
    }

    @Test
    void shouldFailACallThatRunsWhenItIsClosed() throws Exception {
        Path reached = folder.resolve("reached");
        TrainingSession session = TrainingSession.open(
                fake.providers(),
                FakeTraining.model("slowAt", 1, "reached", reached.toString()),
                fake.config().accumulation(1000).build());
        CompletableFuture<TrainingStep> step = CompletableFuture.supplyAsync(session::trainStep);
        await().atMost(1, TimeUnit.MINUTES).until(() -> Files.exists(reached));

        session.close();

        assertThat(step)
                .failsWithin(1, TimeUnit.MINUTES)
                .withThrowableThat()
                .withCauseInstanceOf(ClosedException.class);
        assertThatExceptionOfType(ClosedException.class).isThrownBy(session::validate);
    }

    @ParameterizedTest
    @ValueSource(strings = {"NotSupported", "ModelLoadFailed", "UnsafeModel", "DependencyMissing"})
    void shouldGoOnToTransformersWithTheReason(String kind) throws Exception {
        CannedWorker mlx = new CannedWorker(Files.createDirectories(folder.resolve("canned")))
                .answers("openTraining", error(kind));

        try (TrainingSession session =
                TrainingSession.open(fake.providers(mlx), "fake", fake.config().build())) {
            assertThat(session.info().backend().provider()).isEqualTo(ProviderKind.HF);
            assertThat(session.info().attempts())
                    .extracting(LoadAttempt::provider, LoadAttempt::outcome)
                    .containsExactly(tuple("mlx", LoadAttempt.Outcome.FAILED), tuple("hf", LoadAttempt.Outcome.LOADED));
            assertThat(session.info().attempts().get(0).message()).contains("muon is not for mlx", "Use adamw.");
        }
    }

    @Test
    void shouldGoOnToTransformersWhenMlxCanNotRunHere() throws Exception {
        ProviderConfig providers = ProviderConfig.builder()
                .interpreter(
                        ProviderKind.MLX,
                        StubPython.printing(
                                        folder.resolve("old/python"),
                                        StubPython.report("3.12.1", "\"mlx-lm\": \"0.1.0\""))
                                .toString())
                .interpreter(
                        ProviderKind.HF,
                        StubPython.withWorker(folder.resolve("hf/python"), FakeTraining.SCRIPTS)
                                .toString())
                .allowAnyPlatform(true)
                .build();

        try (TrainingSession session =
                TrainingSession.open(providers, "fake", fake.config().build())) {
            assertThat(session.info().attempts().get(0).code()).isEqualTo("PACKAGE_TOO_OLD");
            assertThat(session.info().attempts().get(0).outcome()).isEqualTo(LoadAttempt.Outcome.SKIPPED);
        }
        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(() ->
                        TrainingSession.open(providers, "fake", fake.config().build(), ProviderKind.MLX))
                .withMessageContaining("fake can't be trained by mlx:")
                .withMessageContaining("mlx-lm 0.1.0");
    }

    @Test
    void shouldListBothAttemptsWhenNeitherCan() {
        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(() -> open(FakeTraining.model("refuse", Map.of("ModelLoadFailed", "too odd"))))
                .withMessageContaining("\n- mlx: failed after ")
                .withMessageContaining("\n- hf: failed after ")
                .satisfies(failure -> assertThat(failure.getSuppressed()).hasSize(2));
    }

    @Test
    void shouldNotAskASecondBackendWhatIsWrongOnAny() throws Exception {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> open(FakeTraining.model("refuse", Map.of("InvalidRequest", "wrong on any"))));
        assertThat(folder.resolve("hf/calls")).doesNotExist();
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> TrainingSession.open(
                        fake.providers(), "fake", fake.config().build(), ProviderKind.OLLAMA));
    }

    @Test
    void shouldTellTheWorkerAllThatIsSet() throws Exception {
        CannedWorker mlx = new CannedWorker(Files.createDirectories(folder.resolve("canned")))
                .answers("openTraining", CannedWorker.result("\"model\":\"m\",\"device\":\"cpu\""));
        LoadConfig options = LoadConfig.builder()
                .memoryLimitBytes(1L << 20)
                .trustRemoteCode(true)
                .build();
        TrainingConfig config = TrainingConfig.builder(TrainingMethod.FULL)
                .schedule(Schedule.LINEAR)
                .epochs(3)
                .dtype(Dtype.FLOAT32)
                .trainData(Path.of("train.jsonl"))
                .build();
        ProviderConfig providers = ProviderConfig.builder()
                .interpreter(
                        ProviderKind.MLX,
                        StubPython.withWorker(folder.resolve("mlx/python"), mlx).toString())
                .allowAnyPlatform(true)
                .download(false)
                .workers(WorkerConfig.builder().model(options).build())
                .build();

        TrainingSession.open(providers, "org/name", config).close();
        new BackendSelector(
                        ProviderConfig.builder()
                                .interpreter(
                                        ProviderKind.MLX,
                                        folder.resolve("mlx/python").toString())
                                .allowAnyPlatform(true)
                                .workers(WorkerConfig.builder()
                                        .sandbox(SandboxMode.OFF)
                                        .build())
                                .build(),
                        "org/name",
                        config,
                        null,
                        Map.of("HF_TOKEN", "secret"),
                        progress -> {})
                .open(null)
                .value()
                .worker()
                .close();

        assertThat(mlx.sent("openTraining").get(0).toString())
                .isEqualTo("{\"protocol\":{\"major\":1,\"minor\":3},\"model\":{\"source\":\"org/name\"},"
                        + "\"download\":false,\"options\":{\"memoryLimitBytes\":1048576},\"training\":{"
                        + "\"method\":\"full\",\"optimizer\":\"adamw\",\"learningRate\":1.0E-4,\"schedule\":\"linear\","
                        + "\"warmupSteps\":0,\"epochs\":3,\"batchSize\":4,\"accumulation\":1,"
                        + "\"gradientCheckpointing\":false,\"dtype\":\"float32\",\"maxLength\":2048,\"maskPrompt\":false,"
                        + "\"seed\":0,\"trainData\":\"" + Path.of("train.jsonl").toAbsolutePath() + "\"}}");
        assertThat(mlx.sent("openTraining").get(1).path("hubToken").asText()).isEqualTo("secret");
    }

    @ParameterizedTest
    @CsvSource({"LORA, 1", "NONE, 0"})
    void shouldEvaluateWithoutTf32AndTrainAsConfigured(TrainingMethod method, String variable) throws Exception {
        CannedWorker mlx = new CannedWorker(Files.createDirectories(folder.resolve("canned")))
                .answers("openTraining", CannedWorker.result("\"model\":\"m\",\"device\":\"cpu\""));
        ProviderConfig providers = fake.providers(mlx).toBuilder()
                .workers(WorkerConfig.builder()
                        .mlx(MlxConfig.builder().tf32(true).build())
                        .build())
                .build();
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"text\": \"abcde\"}");
        TrainingConfig config = TrainingConfig.builder(method)
                .trainData(method == TrainingMethod.NONE ? null : data)
                .validData(data)
                .build();

        TrainingSession.open(providers, "fake", config).close();

        assertThat(mlx.environments())
                .extracting(environment -> environment.path("MLX_ENABLE_TF32").asText())
                .containsExactly(variable);
    }

    @ParameterizedTest
    @EnumSource(
            value = ProviderKind.class,
            names = {"MLX", "HF"})
    void shouldSendEachWorkerItsOwnOptions(ProviderKind kind) throws Exception {
        CannedWorker canned = new CannedWorker(Files.createDirectories(folder.resolve("canned")))
                .answers("openTraining", CannedWorker.result("\"model\":\"m\",\"device\":\"cpu\""));
        ProviderConfig providers = ProviderConfig.builder()
                .interpreter(
                        kind,
                        StubPython.withWorker(folder.resolve("python"), canned).toString())
                .allowAnyPlatform(true)
                .workers(WorkerConfig.builder()
                        .model(LoadConfig.builder().device(HfDevice.CPU).build())
                        .mlx(MlxConfig.builder().wiredLimit(true).build())
                        .build())
                .build();

        TrainingSession.open(providers, "fake", fake.config().build(), kind).close();

        assertThat(canned.sent("openTraining").get(0).path("options").toString())
                .isEqualTo(kind == ProviderKind.MLX ? "{\"wiredLimit\":true}" : "{\"device\":\"cpu\"}");
    }

    @Test
    void shouldRefuseWhatIsSetForModelsThatAnswer() throws Exception {
        ProviderConfig providers = ProviderConfig.builder()
                .workers(WorkerConfig.builder()
                        .model(LoadConfig.builder().expert("law").build())
                        .build())
                .build();

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() ->
                        TrainingSession.open(providers, "fake", fake.config().build()))
                .withMessageContaining("model option expert is set");
    }

    @Test
    void shouldNotTakeAnAnswerWithoutALoss() throws Exception {
        CannedWorker mlx = new CannedWorker(Files.createDirectories(folder.resolve("canned")))
                .answers("openTraining", CannedWorker.result("\"model\":\"m\",\"device\":\"cpu\""))
                .answers("trainStep", CannedWorker.result("\"step\":1"));
        try (TrainingSession session =
                TrainingSession.open(fake.providers(mlx), "fake", fake.config().build())) {
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(session::trainStep)
                    .withMessageContaining("loss is missing");
        }
    }

    private TrainingSession open(String model) throws Exception {
        return TrainingSession.open(fake.providers(), model, fake.config().build());
    }

    private static String error(String kind) {
        String id = kind.replaceAll("(?<=.)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        return "{\"jsonrpc\":\"2.0\",\"id\":\"ID\",\"error\":{\"code\":-32011,\"message\":\"muon is not for mlx\","
                + "\"data\":{\"kind\":\"" + id + "\",\"retryable\":false,\"hint\":\"Use adamw.\",\"detail\":\"\"}}}";
    }
}
