package io.github.mlx4j.adapter;

import static io.github.mlx4j.CannedWorker.result;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests with workers that give fixed verdicts; {@code ModelFoldersIT} tests the real ones. */
@Timeout(60)
class LoadCheckTest {

    private static final ModelInspection MODEL =
            ModelInspector.inspect(Path.of("src", "test", "resources", "models", "tiny-chat"));
    private static final Supplier<Availability> NONE =
            () -> new Availability.Unavailable(Reason.PACKAGE_MISSING, "no torch", "mlx4j setup hf");

    @TempDir
    private Path folder;

    private CannedWorker mlx;
    private CannedWorker hf;

    @BeforeEach
    void makeWorkers() throws IOException {
        mlx = new CannedWorker(Files.createDirectory(folder.resolve("mlx")));
        hf = new CannedWorker(Files.createDirectory(folder.resolve("hf")));
    }

    @Test
    void shouldGiveTheAnswersOfBothLoaders() {
        mlx.answers(
                "inspect",
                result("\"embeddings\":{\"pooling\":[\"mean\"],\"origin\":\"assumed\",\"modules\":[],\"prompts\":{},"
                        + "\"dimensions\":96},\"capabilities\":[\"rerank\"],"
                        + "\"warnings\":[\"look out\"],\"packages\":{\"mlx-lm\":\"0.32.2\",\"mlx\":\"0.32.4\"}"));
        hf.answers("inspect", refusal("model_load_failed", "it is too old", "Save it again."));

        assertThat(check(LoadConfig.DEFAULT))
                .containsExactly(
                        Verdict.loads(
                                ProviderKind.MLX,
                                "mlx 0.32.4, mlx-lm 0.32.2",
                                Optional.of(new EmbeddingDetails(
                                        List.of("mean"),
                                        EmbeddingDetails.Origin.ASSUMED,
                                        List.of(),
                                        Map.of(),
                                        Optional.empty(),
                                        OptionalInt.empty(),
                                        OptionalInt.of(96))),
                                true,
                                List.of("look out")),
                        Verdict.refused(ProviderKind.HF, "MODEL_LOAD_FAILED", "it is too old", "Save it again."));
    }

    @Test
    void shouldNotNameAWorkerAsTheWayOutWhenItRefusesToo() {
        mlx.answers("inspect", refusal("model_load_failed", "mlx-lm has no such class.", "Use the hf worker."));
        hf.answers("inspect", refusal("model_load_failed", "It has two labels.", "Use a model with one."));
        assertThat(check(LoadConfig.DEFAULT))
                .extracting(Verdict::fix)
                .containsExactly(
                        "The hf worker can't load it either: It has two labels. Use a model with one.",
                        "Use a model with one.");

        hf.answers("inspect", refusal("model_load_failed", "It is wrong.", "Use the mlx worker for this model."));
        assertThat(check(LoadConfig.DEFAULT))
                .extracting(Verdict::fix)
                .containsExactly(
                        "The hf worker can't load it either: It is wrong.",
                        "The mlx worker can't load it either: mlx-lm has no such class.");

        hf.answers("inspect", result(""));
        assertThat(check(LoadConfig.DEFAULT)).extracting(Verdict::fix).containsExactly("Use the hf worker.", "");
    }

    @Test
    void shouldSendWhatIsLoadedAndPicklesToHfOnly() {
        mlx.answers("inspect", result(""));
        hf.answers("inspect", result(""));

        check(LoadConfig.builder()
                .allowPickles(true)
                .expert("expert_1")
                .base("org/base")
                .trustRemoteCode(true)
                .build());

        assertThat(mlx.sent("inspect").get(0).path("model").path("source").asText())
                .isEqualTo(MODEL.folder().toAbsolutePath().toString());
        assertThat(mlx.sent("inspect").get(0).path("options").toString())
                .isEqualTo("{\"base\":\"org/base\",\"expert\":\"expert_1\"}");
        assertThat(hf.sent("inspect")
                        .get(0)
                        .path("options")
                        .path("allowPickles")
                        .booleanValue())
                .isTrue();
    }

    @Test
    void shouldNotJudgeWithoutAnEnvironment() {
        mlx.answers("inspect", result(""));

        assertThat(new LoadCheck(
                                probes(FakeWorker::ready, NONE),
                                Map.of(ProviderKind.MLX, mlx),
                                SandboxMode.OFF,
                                LoadCheck.MAX_TIME)
                        .check(MODEL, LoadConfig.DEFAULT))
                .extracting(Verdict::outcome)
                .containsExactly(Verdict.Outcome.LOADS, Verdict.Outcome.NOT_JUDGED);
    }

    @Test
    void shouldNotJudgeWhenABaseModelHasToBeDownloaded() {
        mlx.answers("inspect", result("\"download\":{\"source\":\"org/base\",\"revision\":null}"));
        hf.answers("inspect", refusal("model_not_found", "no such model", "Check the name."));

        List<Verdict> verdicts = check(LoadConfig.DEFAULT);

        assertThat(verdicts.get(0).outcome()).isEqualTo(Verdict.Outcome.NOT_JUDGED);
        assertThat(verdicts.get(0).fix()).contains("mlx4j models pull org/base");
        assertThat(verdicts.get(1).code()).isEqualTo("MODEL_NOT_FOUND");
    }

    @Test
    void shouldNotJudgeWhenTheWorkerFails() {
        mlx.answers("inspect", result("")).dies("inspect", 1);
        hf.answers("inspect", refusal("dependency_missing", "no torch", "mlx4j setup hf"));

        assertThat(check(LoadConfig.DEFAULT)).extracting(Verdict::outcome).containsOnly(Verdict.Outcome.NOT_JUDGED);
    }

    @Test
    void shouldNotJudgeWhenTheWorkerTakesTooLong() {
        hf.answers("inspect", result("")); // mlx has no answer

        List<Verdict> verdicts = check(LoadConfig.DEFAULT, Duration.ofSeconds(2));

        assertThat(verdicts.get(0).reason()).contains("did not answer within 2 s");
        assertThat(verdicts.get(0).outcome()).isEqualTo(Verdict.Outcome.NOT_JUDGED);
    }

    @Test
    void shouldAskNobodyWhenThereIsNothingToLoad() throws IOException {
        Path gguf = Files.writeString(folder.resolve("model.gguf"), "GGUF");

        List<Verdict> verdicts = loadCheck(LoadCheck.MAX_TIME).check(ModelInspector.inspect(gguf), LoadConfig.DEFAULT);

        assertThat(verdicts)
                .hasSize(2)
                .allSatisfy(verdict -> assertThat(verdict.reason()).contains("GGUF"));
        assertThat(folder.resolve("mlx/environments")).doesNotExist();
    }

    @Test
    void shouldEndWhenItsThreadIsInterrupted() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        LoadCheck check = new LoadCheck(
                probes(
                        () -> {
                            asked.countDown();
                            return FakeWorker.ready();
                        },
                        NONE),
                Map.of(ProviderKind.MLX, mlx),
                SandboxMode.OFF,
                LoadCheck.MAX_TIME);
        FutureTask<Boolean> task = new FutureTask<>(() -> {
            assertThatExceptionOfType(CancelledException.class)
                    .isThrownBy(() -> check.check(MODEL, LoadConfig.DEFAULT));
            return Thread.interrupted();
        });
        Thread thread = new Thread(task);
        thread.start();
        asked.await();

        thread.interrupt();

        assertThat(task.get()).isTrue();
    }

    private List<Verdict> check(LoadConfig options) {
        return check(options, LoadCheck.MAX_TIME);
    }

    private List<Verdict> check(LoadConfig options, Duration mostTime) {
        return loadCheck(mostTime).check(MODEL, options);
    }

    private LoadCheck loadCheck(Duration mostTime) {
        return new LoadCheck(
                probes(FakeWorker::ready, FakeWorker::ready),
                Map.of(ProviderKind.MLX, mlx, ProviderKind.HF, hf),
                SandboxMode.OFF,
                mostTime);
    }

    private static Map<ProviderKind, Supplier<Availability>> probes(
            Supplier<Availability> mlx, Supplier<Availability> hf) {
        Map<ProviderKind, Supplier<Availability>> probes = new LinkedHashMap<>();
        probes.put(ProviderKind.MLX, mlx);
        probes.put(ProviderKind.HF, hf);
        return probes;
    }

    private static String refusal(String kind, String message, String hint) {
        return "{\"jsonrpc\":\"2.0\",\"id\":\"ID\",\"error\":{\"code\":-32002,\"message\":\"%s\",\"data\":{\"kind\":\"%s\",\"retryable\":false,\"hint\":\"%s\",\"detail\":\"\"}}}"
                .formatted(message, kind, hint);
    }
}
