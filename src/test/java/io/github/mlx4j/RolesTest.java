package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.RerankerKind;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests models for roles, and the workers that they share or alternate between. Uses the fake worker. */
@Timeout(120)
class RolesTest {

    private static final Platform APPLE_SILICON = new Platform("Mac OS X", "aarch64", false);
    private static final GenerationRequest LONG = GenerationRequest.raw("{\"say\":\"abc\",\"after\":1,\"pause\":true}");

    @TempDir
    private Path folder;

    private Path python;

    @BeforeEach
    void makePython() throws IOException {
        python = StubPython.withFakeWorker(folder.resolve("stub"));
    }

    @Test
    void shouldShareOneWorkerWhenRolesHaveOneModel() throws IOException {
        try (ProviderFactory providers = factory(config("plain"))) {
            TextGenerationPort general = providers.createTextGenerationAdapter();
            for (ModelRole role : ModelRole.values()) {
                assertThat(providers.createTextGenerationAdapterForRole(role)).isSameAs(general);
                assertThat(providers.createEmbeddingAdapterForRole(role)).isSameAs(providers.createTokenizer());
            }
            assertThat(general.generate("Hi").text()).isEqualTo("Hi");
            assertThat(providers.workers()).singleElement().satisfies(worker -> {
                assertThat(worker.model()).isEqualTo("plain");
                assertThat(worker.roles()).containsExactlyInAnyOrder(ModelRole.values());
                assertThat(worker.status().state()).isEqualTo(WorkerStatus.State.READY);
            });
            assertThat(starts()).isEqualTo(1);
        }
    }

    @Test
    void shouldTakeAFolderForOneModelHoweverItIsWritten() throws IOException {
        Path model = Files.createDirectories(folder.resolve("model"));
        ProviderConfig.Builder config = config(model.toString())
                .model(ProviderKind.MLX, ModelRole.ROUTER, folder.resolve("other/../model") + "/");
        Files.createDirectories(folder.resolve("other"));
        try (ProviderFactory providers = factory(config)) {
            assertThat(providers.createTextGenerationAdapterForRole(ModelRole.ROUTER))
                    .isSameAs(providers.createTextGenerationAdapter());
        }
    }

    @Test
    void shouldHaveAWorkerForEachModelWhenRolesHaveModelsOfTheirOwn() throws IOException {
        ProviderConfig.Builder config = config("plain")
                .model(ProviderKind.MLX, ModelRole.ROUTER, "quick")
                .model(ProviderKind.MLX, ModelRole.TESTER, "quick");
        try (ProviderFactory providers = factory(config)) {
            assertThat(answeredBy(providers, ModelRole.ROUTER)).isEqualTo("quick");
            assertThat(answeredBy(providers, ModelRole.TESTER)).isEqualTo("quick");
            assertThat(answeredBy(providers, ModelRole.GENERAL)).isEqualTo("plain");
            assertThat(answeredBy(providers, ModelRole.DECOMPOSER)).isEqualTo("plain");

            assertThat(providers.workers())
                    .extracting(ModelWorker::model, ModelWorker::roles)
                    .containsExactly(
                            tuple("quick", Set.of(ModelRole.ROUTER, ModelRole.TESTER)),
                            tuple(
                                    "plain",
                                    Set.of(
                                            ModelRole.GENERAL,
                                            ModelRole.DECOMPOSER,
                                            ModelRole.ENHANCER,
                                            ModelRole.RERANKER)));
            assertThat(providers.workers())
                    .as("both are up")
                    .allMatch(worker -> worker.status().state() == WorkerStatus.State.READY);
            assertThat(starts()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GENERAL", mode = EnumSource.Mode.EXCLUDE)
    void shouldDoEachTaskByItsNaturalRole(ModelRole role) {
        ProviderConfig.Builder config = config("plain").model(ProviderKind.MLX, role, "own");
        try (ProviderFactory providers = factory(config)) {
            providers.createEnhancementAdapter();
            boolean enhances = has(providers, "own");
            providers.createComprehensionTestAdapter();
            boolean tests = !enhances && has(providers, "own");
            providers.createTaskDecompositionAdapter();
            boolean splits = !enhances && !tests && has(providers, "own");

            assertThat(List.of(enhances, tests, splits))
                    .isEqualTo(List.of(
                            role == ModelRole.ENHANCER, role == ModelRole.TESTER, role == ModelRole.DECOMPOSER));
        }
        try (ProviderFactory providers = factory(config)) {
            providers.createRequirementsParsingAdapter();
            assertThat(has(providers, "own")).isEqualTo(role == ModelRole.DECOMPOSER);
        }
        try (ProviderFactory providers = factory(config)) {
            providers.createEnhancementAdapterForRole(role);
            providers.createTaskDecompositionAdapterForRole(role);
            providers.createComprehensionTestAdapterForRole(role);
            providers.createRequirementsParsingAdapterForRole(role);
            assertThat(has(providers, "own")).isTrue();
            assertThat(has(providers, "plain")).isFalse();
        }
    }

    private static boolean has(ProviderFactory providers, String model) {
        return providers.workers().stream().anyMatch(worker -> worker.model().equals(model));
    }

    @Test
    void shouldTellTheModelOfEachRoleAndWhoNamedIt() {
        ProviderConfig.Builder config = config("plain").model(ProviderKind.MLX, ModelRole.ROUTER, "quick");
        try (ProviderFactory providers = factory(config)) {
            assertThat(providers.roles())
                    .extracting(RoleModel::role, RoleModel::model, RoleModel::origin)
                    .containsExactly(
                            tuple(ModelRole.ROUTER, "quick", "MLX_MODEL_ROUTER"),
                            tuple(ModelRole.DECOMPOSER, "plain", "MLX_MODEL"),
                            tuple(ModelRole.ENHANCER, "plain", "MLX_MODEL"),
                            tuple(ModelRole.TESTER, "plain", "MLX_MODEL"),
                            tuple(ModelRole.RERANKER, "plain", "MLX_MODEL"),
                            tuple(ModelRole.GENERAL, "plain", "MLX_MODEL"));
        }
    }

    @Test
    void shouldKnowWhatAModelOfTheUsersOwnRegistryTakes() throws IOException {
        ProviderConfig config = config("me/mine").build();
        Files.createDirectories(config.home());
        Files.writeString(config.home().resolve("models.json"), """
                {"models": [{"id": "me/mine", "provider": "mlx", "parameters": 1000, "dtype": "float32", "contextLength": 10,
                  "architecture": {"layers": 1, "hiddenSize": 8, "heads": 2, "keyValueHeads": 1, "headSize": 4}}]}
                """);
        try (ProviderFactory providers = new ProviderFactory(config, APPLE_SILICON)) {
            assertThat(providers.roles())
                    .allSatisfy(role -> assertThat(role.need().bytes()).isEqualTo(4 * 1000 + 2 * 4 * 4 * 10));
        }
    }

    @Test
    void shouldLoadARolesOwnModelWithoutWhatBelongsToThePlainOne() throws IOException {
        CannedWorker worker = new CannedWorker(folder);
        python = StubPython.withWorker(folder.resolve("stub"), worker);
        LoadConfig all = new LoadConfig(
                folder.resolve("adapter"),
                "org/base",
                "law",
                Dtype.FLOAT16,
                null,
                null,
                false,
                false,
                1L << 30,
                HfDevice.AUTO,
                RerankerKind.AUTO);
        ProviderConfig.Builder config = config("org/plain")
                .model(ProviderKind.MLX, ModelRole.ROUTER, "org/quick")
                .workers(WorkerConfig.builder()
                        .model(all)
                        .mlx(new MlxConfig("org/draft", 4, 8, null, null, null, true, false))
                        .build());
        try (ProviderFactory providers = factory(config)) {
            providers.warmUp(ModelRole.GENERAL, ModelRole.ROUTER);
        }

        assertThat(worker.sent("initialize"))
                .extracting(params -> params.path("model").path("source").asText())
                .containsExactly("org/plain", "org/quick");
        assertThat(named(worker.sent("initialize").get(0)))
                .contains(entry("adapter", true), entry("draftModel", true), entry("kvBits", true));
        assertThat(named(worker.sent("initialize").get(1)))
                .contains(entry("adapter", false), entry("base", false), entry("expert", false))
                .contains(entry("dtype", false), entry("draftModel", false), entry("draftTokens", false))
                .contains(entry("kvBits", true), entry("memoryLimitBytes", true), entry("wiredLimit", true));
    }

    /** Which options are among these params. */
    private static Map<String, Boolean> named(JsonNode params) {
        return Stream.of(
                        "adapter",
                        "base",
                        "expert",
                        "dtype",
                        "draftModel",
                        "draftTokens",
                        "kvBits",
                        "memoryLimitBytes",
                        "wiredLimit")
                .collect(Collectors.toMap(name -> name, name -> params.findValue(name) != null));
    }

    @Test
    void shouldStandInWithTheCounterpartOfTheRolesModel() {
        ProviderConfig.Builder config = config("{\"error\":\"ModelLoadFailed\"}")
                .fallback(List.of(ProviderKind.HF))
                .model(ProviderKind.MLX, ModelRole.ROUTER, "org/router")
                .model(ProviderKind.HF, "org/plain");
        try (ProviderFactory providers = factory(config)) {
            GenerationResult plain = providers.createTextGenerationAdapter().generate("Hi");
            assertThat(plain.backend()).isEqualTo(new Backend(ProviderKind.HF, "org/plain", "cpu"));
            assertThat(answeredBy(providers, ModelRole.ROUTER)).isEqualTo("org/router");
        }
        ProviderConfig.Builder unknown =
                open("org/plain").model(ProviderKind.MLX, ModelRole.ROUTER, "mlx-community/Something-8bit");
        try (ProviderFactory providers = factory(unknown)) {
            providers.createTextGenerationAdapterForRole(ModelRole.ROUTER);
            assertThat(providers.workers())
                    .as("what nobody named does not stand in")
                    .extracting(ModelWorker::provider)
                    .containsExactly(ProviderKind.MLX);
        }
        try (ProviderFactory providers = factory(unknown.fallback(List.of(ProviderKind.HF)))) {
            providers.createTextGenerationAdapter();
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> providers.createTextGenerationAdapterForRole(ModelRole.ROUTER))
                    .withMessage("No hf counterpart of mlx-community/Something-8bit is known for the role router."
                            + " What to do: Set HF_MODEL_ROUTER.");
        }
    }

    @Test
    void shouldSwapWorkersWhenThereMayBeOneOnly() throws IOException {
        try (ProviderFactory providers = factory(two(1))) {
            for (int round = 0; round < 3; round++) {
                assertThat(answeredBy(providers, ModelRole.GENERAL)).isEqualTo("plain");
                assertThat(answeredBy(providers, ModelRole.ROUTER)).isEqualTo("quick");
            }
            assertThat(starts()).isEqualTo(6);
            assertThat(providers.workers())
                    .extracting(worker -> worker.status().state())
                    .containsExactly(WorkerStatus.State.STOPPED, WorkerStatus.State.READY);
            assertThat(providers.workers())
                    .allSatisfy(worker -> assertThat(worker.status().failures()).isZero());
            assertThat(providers.workers().get(0).status().history())
                    .filteredOn(event -> event.name().equals("stopped"))
                    .extracting(WorkerStatus.Event::detail)
                    .containsOnly("to make room for the mlx worker of quick");
        }
    }

    @Test
    void shouldSwapWorkersWhenMemoryIsShort() {
        Path model = Path.of("src", "test", "resources", "models", "tiny-chat").toAbsolutePath();
        ProviderConfig.Builder config = config("plain")
                .model(ProviderKind.MLX, ModelRole.ROUTER, model.toString())
                .pool(WorkerPoolConfig.builder().reservedBytes(1L << 50).build()); // of which no machine has as much
        try (ProviderFactory providers = factory(config)) {
            assertThat(answeredBy(providers, ModelRole.GENERAL)).isEqualTo("plain");
            assertThat(answeredBy(providers, ModelRole.ROUTER)).isEqualTo(model.toString());
            assertThat(providers.workers())
                    .extracting(worker -> worker.status().state())
                    .containsExactly(WorkerStatus.State.STOPPED, WorkerStatus.State.READY);
        }
    }

    @Test
    void shouldServeTwoRolesInTurnsWhenManyAskAtOnce() {
        int rounds = 6;
        try (ProviderFactory providers = factory(two(1))) {
            List<CompletableFuture<Integer>> callers = Stream.of(
                            ModelRole.GENERAL, ModelRole.ROUTER, ModelRole.GENERAL, ModelRole.ROUTER)
                    .map(role -> CompletableFuture.supplyAsync(
                            () -> (int) IntStream.range(0, rounds)
                                    .filter(round -> answeredBy(providers, role)
                                            .equals(role == ModelRole.ROUTER ? "quick" : "plain"))
                                    .count(),
                            work -> new Thread(work).start()))
                    .toList();

            assertThat(callers)
                    .allSatisfy(caller -> assertThat(caller)
                            .succeedsWithin(100, TimeUnit.SECONDS)
                            .isEqualTo(rounds));
            assertThat(providers.workers())
                    .allSatisfy(worker -> assertThat(worker.status().failures()).isZero());
        }
    }

    @Test
    void shouldNotStopAWorkerAtWorkAndEndAWaitAtItsDeadline() {
        try (ProviderFactory providers = factory(two(1))) {
            try (GenerationStream working = providers.createTextGenerationAdapter().stream(LONG)) {
                Iterator<GenerationEvent> events = working.iterator();
                events.next();
                GenerationRequest impatient = GenerationRequest.raw("Hi").toBuilder()
                        .deadline(Duration.ofMillis(200))
                        .build();

                assertThatExceptionOfType(DeadlineExceededException.class)
                        .isThrownBy(() -> providers
                                .createTextGenerationAdapterForRole(ModelRole.ROUTER)
                                .generate(impatient));

                assertThat(providers.workers().get(0).status().openRequests()).isEqualTo(1);
                assertThat(providers.workers().get(1).status().history())
                        .as("it was not started")
                        .isEmpty();
            }
            assertThat(answeredBy(providers, ModelRole.ROUTER)).isEqualTo("quick");
        }
    }

    @Test
    void shouldGiveUpWhenAWorkerIsAtWorkForTooLong() {
        ProviderConfig.Builder config = two(1).pool(WorkerPoolConfig.builder()
                .maxWorkers(1)
                .longestWait(Duration.ZERO)
                .build());
        try (ProviderFactory providers = factory(config);
                GenerationStream working = providers.createTextGenerationAdapter().stream(LONG)) {
            working.iterator().next();

            assertThatExceptionOfType(WorkerBusyException.class)
                    .isThrownBy(() -> answeredBy(providers, ModelRole.ROUTER))
                    .withMessageContaining("There was no room for the mlx worker of quick")
                    .withMessageContaining("MLX4J_MAX_WORKERS");
            assertThatExceptionOfType(WorkerBusyException.class)
                    .as("vectors and tokens wait for their turn too")
                    .isThrownBy(() -> providers
                            .createEmbeddingAdapterForRole(ModelRole.ROUTER)
                            .embed("Hi"));
        }
    }

    @Test
    void shouldCancelAWaitAndFailItWhenTheFactoryIsClosed() {
        ProviderFactory providers = factory(two(1));
        GenerationStream working = providers.createTextGenerationAdapter().stream(LONG);
        working.iterator().next();
        TextGenerationPort router = providers.createTextGenerationAdapterForRole(ModelRole.ROUTER);
        CompletableFuture<GenerationResult> cancelled = router.generateAsync(GenerationRequest.raw("Hi"));
        CompletableFuture<GenerationResult> closed = router.generateAsync(GenerationRequest.raw("Hi"));

        cancelled.cancel(true);
        providers.close();

        FutureAssertions.assertFails(closed, ClosedException.class)
                .withMessage("the mlx worker of quick was closed before a queued request could start.");
        working.close();
        assertThat(providers.workers().get(1).status().history()).isEmpty();
    }

    @Test
    void shouldPassOnTheFiguresWhenAModelIsTooLargeForThisMachine() {
        ProviderConfig.Builder config =
                config("plain").model(ProviderKind.MLX, ModelRole.ROUTER, "{\"error\":\"OutOfMemory\"}");
        try (ProviderFactory providers = factory(config)) {
            assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                    .isThrownBy(() -> answeredBy(providers, ModelRole.ROUTER));
            assertThat(answeredBy(providers, ModelRole.GENERAL)).isEqualTo("plain");
        }
    }

    @Test
    void shouldWarmUpTheModelsOfRoles() {
        try (ProviderFactory providers = factory(two(2))) {
            providers.warmUp(ModelRole.GENERAL, ModelRole.ROUTER, ModelRole.TESTER);
            await().untilAsserted(() -> assertThat(providers.workers())
                    .extracting(worker -> worker.status().state())
                    .containsExactly(WorkerStatus.State.READY, WorkerStatus.State.READY));
        }
    }

    private static String answeredBy(ProviderFactory providers, ModelRole role) {
        return providers
                .createTextGenerationAdapterForRole(role)
                .generate("Hi")
                .backend()
                .model();
    }

    private ProviderConfig.Builder two(int maxWorkers) {
        return config("plain")
                .model(ProviderKind.MLX, ModelRole.ROUTER, "quick")
                .pool(WorkerPoolConfig.builder().maxWorkers(maxWorkers).build());
    }

    private ProviderConfig.Builder config(String model) {
        return open(model).fallback(List.of());
    }

    /** The same with the default fallback. */
    private ProviderConfig.Builder open(String model) {
        return ProviderConfig.builder()
                .provider(ProviderKind.MLX)
                .model(ProviderKind.MLX, model)
                .interpreter(ProviderKind.MLX, python.toString())
                .interpreter(ProviderKind.HF, python.toString())
                .home(folder.resolve("home"));
    }

    private static ProviderFactory factory(ProviderConfig.Builder config) {
        return new ProviderFactory(config.build(), APPLE_SILICON);
    }

    private long starts() throws IOException {
        try (Stream<String> calls = Files.lines(folder.resolve("calls"))) {
            return calls.filter("worker"::equals).count();
        }
    }
}
