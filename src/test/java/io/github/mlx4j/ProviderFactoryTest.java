package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.UnsupportedProviderException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ProviderFactoryTest {

    private static final Platform APPLE_SILICON = new Platform("Mac OS X", "aarch64", false);
    private static final Platform LINUX = new Platform("Linux", "amd64", false);

    @TempDir
    private Path folder;

    private Path python;
    private Path calls;

    @BeforeEach
    void makePython() throws IOException {
        python = StubPython.withFakeWorker(folder.resolve("stub"));
        calls = folder.resolve("calls");
    }

    @Test
    void shouldProbeAndStartNothingWhenItIsMade() {
        try (ProviderFactory providers = ProviderFactory.fromEnv(Map.of("PYTHON_PATH", python.toString()))) {
            assertThat(calls).doesNotExist();
            assertThat(providers.config().interpreters()).hasSize(2);

            assertThat(providers.selection().attempts()).isNotEmpty();
            assertThat(calls).as("it would have been seen").exists();
        }
    }

    @Test
    void shouldStartNoWorkerWhenAnAdapterIsMade() {
        try (ProviderFactory providers = factory(APPLE_SILICON, ready())) {
            providers.createTextGenerationAdapter();

            assertThat(calls).hasContent("probe");
        }
    }

    @Test
    void shouldAnswerByTheFirstThatIsAvailable() {
        try (ProviderFactory providers = factory(APPLE_SILICON, ready())) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();

            assertThat(llm.generate("Hi").text()).isEqualTo("Hi");
            assertThat(llm.generate("Hi").backend().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(providers.selection().fallback()).containsExactly(ProviderKind.HF);
            assertThat(providers.selection()).hasToString("mlx: available");
            assertThat(providers.createTextGenerationAdapter()).isSameAs(llm);
        }
    }

    @Test
    void shouldTakeHfWhenMlxCannotRunHere() {
        try (ProviderFactory providers = factory(LINUX, ready())) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate("Hi")
                            .backend()
                            .provider())
                    .isEqualTo(ProviderKind.HF);
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.HF);
            assertThat(providers.selection().fallback()).isEmpty();
            assertThat(providers.selection().toString())
                    .startsWith("mlx: MLX is made for macOS on Apple silicon, but this is Linux on amd64. (NOT_MACOS) ")
                    .endsWith("; hf: available");
        }
    }

    @Test
    void shouldTakeMlxAnywhereWhenAnyPlatformIsAllowed() {
        try (ProviderFactory providers = factory(LINUX, ready().allowAnyPlatform(true))) {
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.MLX);
        }
    }

    @Test
    void shouldListEveryAttemptWhenNoneIsAvailable() {
        try (ProviderFactory providers = factory(LINUX, missing())) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::createTextGenerationAdapter)
                    .withMessageStartingWith("No provider is available here:\n"
                            + "- mlx: MLX is made for macOS on Apple silicon, but this is Linux on amd64. (NOT_MACOS) ")
                    .withMessageContaining("\n- hf: There is no Python interpreter at " + folder.resolve("nowhere")
                            + ", which the configuration names. (PYTHON_NOT_FOUND) Correct the configuration, or unset"
                            + " it and run `mlx4j setup hf`.")
                    .withMessageContaining(
                            "\n- openai, anthropic: not tried; remote services are used only if you name them\n")
                    .withMessageEndingWith(
                            "What to do: Run `mlx4j doctor` for the full report, or `mlx4j setup` to create"
                                    + " a missing environment.")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("NO_PROVIDER_AVAILABLE"));
        }
    }

    @Test
    void shouldBeCancelledWhenTheThreadIsInterruptedAtTheFirstCall() throws Exception {
        Path asked = folder.resolve("asked");
        Path python =
                StubPython.script(folder.resolve("slow"), "#!/bin/sh", "echo $$ > '" + asked + "'", "exec sleep 600");
        ProviderConfig.Builder config =
                ProviderConfig.builder().home(folder).interpreter(ProviderKind.HF, python.toString());
        CompletableFuture<Object> result = new CompletableFuture<>();
        try (ProviderFactory providers = factory(LINUX, config)) {
            Thread caller = new Thread(() -> {
                try {
                    result.complete(providers.createTextGenerationAdapter());
                } catch (RuntimeException error) {
                    result.complete(error);
                }
            });
            caller.start();
            await().until(() -> Files.exists(asked));
            caller.interrupt();

            assertThat(result.get()).isInstanceOf(CancelledException.class);
        }
    }

    @Test
    void shouldLookAgainWhenNoneWasAvailable() throws IOException {
        try (ProviderFactory providers = factory(LINUX, missing())) {
            assertThatExceptionOfType(ProviderUnavailableException.class).isThrownBy(providers::selection);

            StubPython.printing(folder.resolve("nowhere"), StubPython.ALL_WELL);
            providers.diagnose(); // looks at once; by itself, the factory looks again after 30 seconds
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.HF);
        }
    }

    @ParameterizedTest
    @CsvSource({"MLX, MLX_NOT_AVAILABLE", "HF, HF_NOT_AVAILABLE"})
    void shouldNameTheProviderWhenItIsNamedAndNotAvailable(ProviderKind named, String code) {
        ProviderConfig.Builder config = missing().provider(named).fallback(List.of());
        try (ProviderFactory providers = factory(APPLE_SILICON, config)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("- " + named.id() + ": There is no Python interpreter at ")
                    .satisfies(error -> assertThat(error.code()).isEqualTo(code));
        }
    }

    @Test
    void shouldListTheFallbackWhenNeitherItNorTheNamedProviderIsAvailable() {
        try (ProviderFactory providers = factory(LINUX, missing().provider(ProviderKind.MLX))) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("\n- mlx: ")
                    .withMessageContaining("\n- hf: ")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("NO_PROVIDER_AVAILABLE"));
        }
    }

    @Test
    void shouldAnswerByTheFallbackWhenTheNamedProviderIsNotAvailable() {
        try (ProviderFactory providers = factory(LINUX, ready().provider(ProviderKind.MLX))) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate("Hi")
                            .backend()
                            .provider())
                    .isEqualTo(ProviderKind.HF);
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.MLX);
        }
    }

    @Test
    void shouldAnswerByTheFallbackWhenTheWorkerCannotLoadItsModel() {
        ProviderConfig.Builder config = ready().model(ProviderKind.MLX, "{\"error\":\"ModelLoadFailed\"}")
                .model(ProviderKind.HF, "org/name");
        try (ProviderFactory providers = factory(APPLE_SILICON, config)) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate("Hi")
                            .backend()
                            .provider())
                    .isEqualTo(ProviderKind.HF);
        }
    }

    @Test
    void shouldNotLetHfStandInForAnAdapter() throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"num_layers\": 4}");

        try (ProviderFactory providers = factory(APPLE_SILICON, adapted())) {
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(providers.selection().fallback()).isEmpty();
        }
        try (ProviderFactory providers = factory(LINUX, adapted())) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining(
                            "\n- hf: hf loads only PEFT adapters, but " + folder.resolve("adapter")
                                    + " is an mlx-lm adapter. (NO_ADAPTERS) Set MLX_ADAPTER_PATH to a PEFT adapter, or unset it.");
        }
        try (ProviderFactory providers = factory(LINUX, adapted().provider(ProviderKind.HF))) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("NO_ADAPTERS")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("HF_NOT_AVAILABLE"));
        }
        try (ProviderFactory providers = factory(APPLE_SILICON, adapted().fallback(List.of(ProviderKind.HF)))) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(providers::selection)
                    .withMessage(
                            "MLX_ADAPTER_PATH is set, but the fallback hf (TASK_ORCHESTRATOR_FALLBACK) would answer"
                                    + " without the adapter: hf loads only PEFT adapters, but "
                                    + folder.resolve("adapter")
                                    + " is an mlx-lm adapter. What to do: Unset one of the two, or use a PEFT adapter.");
        }
    }

    @Test
    void shouldLetHfStandInWithAnAdapterOfPeft() throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"peft_type\": \"LORA\"}");

        try (ProviderFactory providers = factory(APPLE_SILICON, adapted())) {
            assertThat(providers.selection().fallback()).containsExactly(ProviderKind.HF);
        }
        try (ProviderFactory providers = factory(APPLE_SILICON, adapted().fallback(List.of(ProviderKind.HF)))) {
            assertThat(providers.selection().fallback()).containsExactly(ProviderKind.HF);
        }
        for (ProviderConfig.Builder config : List.of(adapted(), adapted().provider(ProviderKind.HF))) {
            try (ProviderFactory providers = factory(LINUX, config)) {
                assertThat(providers.selection().provider()).isEqualTo(ProviderKind.HF);
            }
        }
    }

    @Test
    void shouldMakeVectorsTokensAndAnalysesByTheChosenWorkerOnly() {
        try (ProviderFactory providers = factory(APPLE_SILICON, ready())) {
            EmbeddingPort vectors = providers.createEmbeddingAdapter();
            TokenizerPort tokens = providers.createTokenizer();
            providers.createTextGenerationAdapter();

            assertThat(providers.createAnalysisAdapter()).isSameAs(vectors);
            assertThat(tokens).isSameAs(vectors).isInstanceOf(MlxSubprocessAdapter.class);
            assertThat(providers.workers())
                    .extracting(ModelWorker::provider)
                    .containsExactly(ProviderKind.MLX, ProviderKind.HF);
            assertThat(tokens.countTokens(GenerationRequest.tokens(1, 2))).isEqualTo(2);
            assertThat(calls).as("no worker is started").hasContent("probe");
        }
        ProviderConfig.Builder broken = ready().model(ProviderKind.MLX, "{\"error\":\"ModelLoadFailed\"}")
                .model(ProviderKind.HF, "org/name");
        try (ProviderFactory providers = factory(APPLE_SILICON, broken)) {
            assertThat(providers.createTextGenerationAdapter().generate("Hi").text())
                    .isEqualTo("Hi");
            assertThatExceptionOfType(ModelLoadException.class)
                    .isThrownBy(() -> providers.createTokenizer().tokenize("Hi"));
        }
    }

    @Test
    void shouldPassOverHfWhenNoModelIsKnownForIt() {
        ProviderConfig.Builder config = ready().model(ProviderKind.MLX, "mlx-community/Something-8bit");
        try (ProviderFactory providers = factory(LINUX, config)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("- hf: No hf counterpart of mlx-community/Something-8bit is known."
                            + " (NO_MODEL) Set HF_MODEL.");
        }
        try (ProviderFactory providers = factory(APPLE_SILICON, config)) {
            assertThat(providers.selection().fallback())
                    .as("nor does it stand in")
                    .isEmpty();
        }
    }

    @Test
    void shouldKnowTheModelOfEachProvider() {
        try (ProviderFactory providers = factory(LINUX, ready())) {
            assertThat(providers.model(ProviderKind.MLX)).hasValue("mlx-community/Phi-3-mini-4k-instruct-4bit");
            assertThat(providers.model(ProviderKind.HF)).hasValue("microsoft/Phi-3-mini-4k-instruct");
            assertThat(providers.model(ProviderKind.OLLAMA)).hasValue("llama3.1");
            assertThat(providers.model(ProviderKind.OPENAI)).hasValue("gpt-4");
            assertThat(providers.model(ProviderKind.ANTHROPIC)).isEmpty();
        }
        ProviderConfig.Builder elsewhere = ready().baseUrl(ProviderKind.OPENAI, "http://localhost:8080/v1");
        try (ProviderFactory providers = factory(LINUX, elsewhere)) {
            assertThat(providers.model(ProviderKind.OPENAI))
                    .as("another's models")
                    .isEmpty();
        }
        ProviderConfig.Builder named = ready().model(ProviderKind.MLX, "org/a").model(ProviderKind.OPENAI, "b");
        try (ProviderFactory providers = factory(LINUX, named)) {
            assertThat(providers.model(ProviderKind.MLX)).hasValue("org/a");
            assertThat(providers.model(ProviderKind.HF)).as("serves both").hasValue("org/a");
            assertThat(providers.model(ProviderKind.OPENAI)).hasValue("b");
        }
    }

    @Test
    void shouldDiagnoseEveryProviderWhateverIsChosen() {
        try (ProviderFactory providers = factory(LINUX, ready())) {
            assertThat(providers.diagnose())
                    .extracting(Selection.Attempt::toString)
                    .satisfiesExactly(
                            mlx -> assertThat(mlx).contains("NOT_MACOS"),
                            hf -> assertThat(hf).isEqualTo("hf: available"),
                            ollama -> assertThat(ollama).contains("NOT_REACHABLE"),
                            openai -> assertThat(openai).contains("MISSING_API_KEY"),
                            anthropic -> assertThat(anthropic).contains("NO_MODEL"));
        }
    }

    @ParameterizedTest
    @CsvSource({"mlx, MLX", "hf, HF", "MLX, MLX"})
    void shouldTakeProviderAndModelWhenBothAreGiven(String name, ProviderKind kind) {
        try (ProviderFactory providers = new ProviderFactory(name, "org/name")) {
            assertThat(providers.config().provider()).hasValue(kind);
            assertThat(providers.model(kind)).hasValue("org/name");
        }
    }

    @Test
    void shouldReadSettingsOnlyWhenAskedTo() {
        System.setProperty("MLX4J_MAX_REQUESTS", "7");
        try (ProviderFactory named = new ProviderFactory("hf", "org/name");
                ProviderFactory built = ProviderFactory.create(ProviderConfig.builder()
                        .provider(ProviderKind.HF)
                        .model(ProviderKind.HF, "org/name")
                        .build());
                ProviderFactory fromEnv = ProviderFactory.fromEnv()) {
            assertThat(named.config().workers()).isEqualTo(WorkerConfig.DEFAULT);
            assertThat(built.config().workers()).isEqualTo(WorkerConfig.DEFAULT);
            assertThat(fromEnv.config().workers().maxRequests()).isEqualTo(7);
        } finally {
            System.clearProperty("MLX4J_MAX_REQUESTS");
        }
    }

    @Test
    void shouldListTheProvidersWhenThereIsNoSuchOne() {
        assertThatExceptionOfType(UnsupportedProviderException.class)
                .isThrownBy(() -> new ProviderFactory("nope", "org/name"))
                .withMessageContaining("is 'nope', but there is no such provider")
                .withMessageContaining("mlx, hf, ollama, openai, anthropic")
                .satisfies(error -> assertThat(error.code()).isEqualTo("UNSUPPORTED_PROVIDER"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", ""})
    void shouldRefuseAModelWhenTheProviderIsOpen(String provider) {
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> new ProviderFactory(provider, "org/name"))
                .withMessage(
                        "The provider can't be auto if a model is given. What to do: Specify the model's provider.");
    }

    @ParameterizedTest
    @CsvSource({"MLX", "HF"})
    void shouldStartTheWorkerWhenWarmedUp(ProviderKind kind) {
        try (ProviderFactory providers = factory(APPLE_SILICON, ready().provider(kind))) {
            providers.warmUp();
            providers.warmUp();

            assertThat(calls).hasContent("""
                    probe
                    worker
                    """);
        }
    }

    @Test
    void shouldStopItsWorkersWhenClosed() {
        ProviderFactory providers = factory(APPLE_SILICON, ready());
        TextGenerationPort llm = providers.createTextGenerationAdapter();
        assertThat(llm.generate("Hi").text()).isEqualTo("Hi");

        providers.close();
        providers.close();

        assertThatExceptionOfType(ClosedException.class)
                .isThrownBy(() -> llm.generate("Hi"))
                .withMessage("The mlx worker was closed.");
        assertThatExceptionOfType(ClosedException.class)
                .isThrownBy(providers::createTextGenerationAdapter)
                .withMessage("This provider factory was closed. What to do: Create a new one.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("CLOSED"));
        assertThatExceptionOfType(ClosedException.class).isThrownBy(providers::createEmbeddingAdapter);
        assertThatExceptionOfType(ClosedException.class).isThrownBy(providers::createTokenizer);
        assertThatExceptionOfType(ClosedException.class).isThrownBy(providers::createAnalysisAdapter);
    }

    private ProviderFactory factory(Platform platform, ProviderConfig.Builder config) {
        return new ProviderFactory(config.home(folder.resolve("home")).build(), platform);
    }

    /** Both workers have an interpreter with everything in it. */
    private ProviderConfig.Builder ready() {
        return named(python);
    }

    /** The same, with an adapter. */
    private ProviderConfig.Builder adapted() {
        LoadConfig adapter =
                LoadConfig.builder().adapter(folder.resolve("adapter")).build();
        return ready().workers(WorkerConfig.builder().model(adapter).build());
    }

    /** No worker has an interpreter. */
    private ProviderConfig.Builder missing() {
        return named(folder.resolve("nowhere"));
    }

    private static ProviderConfig.Builder named(Path interpreter) {
        return ProviderConfig.builder()
                .baseUrl(ProviderKind.OLLAMA, "http://127.0.0.1:1") // nobody is there, also where Ollama runs
                .interpreter(ProviderKind.MLX, interpreter.toString())
                .interpreter(ProviderKind.HF, interpreter.toString());
    }
}
