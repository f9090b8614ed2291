package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.FakeServer;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests when a remote provider is selected. */
@Timeout(60)
class RemoteChoiceTest {

    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final String NOBODY = "http://127.0.0.1:1";

    @TempDir
    private Path folder;

    private FakeServer ollama;

    @BeforeEach
    void start() throws IOException {
        ollama = FakeServer.ollama("Hello from Ollama");
    }

    @AfterEach
    void stop() {
        ollama.close();
    }

    @Test
    void shouldTakeOllamaOnThisMachineWhenNoWorkerCanRun() {
        try (ProviderFactory providers = factory(noWorker().baseUrl(ProviderKind.OLLAMA, ollama.url()))) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();

            assertThat(llm.generate("Hi").text()).isEqualTo("Hello from Ollama");
            assertThat(llm.generate("Hi").backend().model()).isEqualTo("llama3.1");
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.OLLAMA);
            assertThat(providers.selection().fallback()).isEmpty();
            assertThat(providers.selection().attempts().get(2).availability())
                    .isEqualTo(new Availability.Remote(URI.create(ollama.url()), true));
            assertThat(providers.selection().toString()).endsWith("; ollama: available");
        }
    }

    @Test
    void shouldBeCancelledWhenTheThreadIsInterruptedWhileTheServerIsAsked() {
        ProviderConfig.Builder config = noWorker().baseUrl(ProviderKind.OLLAMA, ollama.url());
        try (ProviderFactory providers = factory(config.provider(ProviderKind.OLLAMA))) {
            Thread.currentThread().interrupt();

            assertThatExceptionOfType(CancelledException.class).isThrownBy(providers::selection);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void shouldPreferAWorkerWhenItCanRun() throws IOException {
        String python = StubPython.withFakeWorker(folder.resolve("stub")).toString();
        ProviderConfig.Builder config = ProviderConfig.builder()
                .interpreter(ProviderKind.HF, python)
                .interpreter(ProviderKind.MLX, python)
                .baseUrl(ProviderKind.OLLAMA, ollama.url());
        try (ProviderFactory providers = factory(config)) {
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.HF);
        }
    }

    @Test
    void shouldNotAskAServerElsewhereWhenItIsNotNamed() {
        ProviderConfig.Builder elsewhere = noWorker().baseUrl(ProviderKind.OLLAMA, "http://ollama.invalid:11434");
        try (ProviderFactory providers = factory(elsewhere)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("- ollama: The Ollama server at http://ollama.invalid:11434 is not on this"
                            + " machine, so it is not used automatically. (NOT_WANTED)")
                    .withMessageContaining(
                            "- openai, anthropic: not tried; remote services are used only if you name them");
        }
    }

    @Test
    void shouldNotLetAPaidServiceAnswerWhenItIsNotNamed() {
        ProviderConfig.Builder keys = noWorker()
                .baseUrl(ProviderKind.OLLAMA, NOBODY)
                .apiKey(ProviderKind.OPENAI, "sk-a")
                .apiKey(ProviderKind.ANTHROPIC, "sk-a")
                .model(ProviderKind.ANTHROPIC, "a");
        try (ProviderFactory providers = factory(keys)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::createTextGenerationAdapter)
                    .withMessageContaining("- ollama: No Ollama server answers at " + NOBODY + ". (NOT_REACHABLE)")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("NO_PROVIDER_AVAILABLE"));
        }
    }

    @Test
    void shouldAnswerByOllamaWhenItIsNamedBehindAProviderThatFails() {
        ProviderConfig.Builder chain = ProviderConfig.builder()
                .provider(ProviderKind.OPENAI)
                .model(ProviderKind.OPENAI, "a")
                .baseUrl(ProviderKind.OPENAI, NOBODY)
                .fallback(List.of(ProviderKind.OLLAMA))
                .baseUrl(ProviderKind.OLLAMA, ollama.url());
        try (ProviderFactory providers = factory(chain)) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate("Hi")
                            .backend()
                            .provider())
                    .isEqualTo(ProviderKind.OLLAMA);
        }
        chain.provider(ProviderKind.HF)
                .interpreter(ProviderKind.HF, folder.resolve("nowhere").toString());
        try (ProviderFactory providers = factory(chain)) {
            assertThat(providers.createTextGenerationAdapter().generate("Hi").text())
                    .isEqualTo("Hello from Ollama");
            providers.warmUp();
        }
    }

    @Test
    void shouldAnswerByTheFallbackWhenTheNamedOneHasNoKey() {
        ProviderConfig.Builder chain = ProviderConfig.builder()
                .provider(ProviderKind.ANTHROPIC)
                .model(ProviderKind.ANTHROPIC, "a")
                .fallback(List.of(ProviderKind.OLLAMA))
                .baseUrl(ProviderKind.OLLAMA, ollama.url());
        try (ProviderFactory providers = factory(chain)) {
            assertThat(providers.createTextGenerationAdapter().generate("Hi").text())
                    .isEqualTo("Hello from Ollama");
        }
    }

    @Test
    void shouldNameTheSettingWhenWhatANamedProviderNeedsIsMissing() {
        assertUnavailable(
                Map.of("TASK_ORCHESTRATOR_PROVIDER", "openai"), "MISSING_API_KEY", "OPENAI_API_KEY is not set");
        assertUnavailable(
                Map.of("TASK_ORCHESTRATOR_PROVIDER", "anthropic", "ANTHROPIC_MODEL", "a"),
                "MISSING_API_KEY",
                "ANTHROPIC_API_KEY is not set");
        assertUnavailable(
                Map.of("TASK_ORCHESTRATOR_PROVIDER", "anthropic", "ANTHROPIC_API_KEY", "a"),
                "ANTHROPIC_NOT_AVAILABLE",
                "Set ANTHROPIC_MODEL.");
        assertUnavailable(
                Map.of("TASK_ORCHESTRATOR_PROVIDER", "openai", "OPENAI_BASE_URL", "http://localhost:1/v1"),
                "OPENAI_NOT_AVAILABLE",
                "Set OPENAI_MODEL.");
        assertUnavailable(
                Map.of("TASK_ORCHESTRATOR_PROVIDER", "ollama", "OLLAMA_BASE_URL", NOBODY),
                "OLLAMA_NOT_AVAILABLE",
                "No Ollama server answers at " + NOBODY);
    }

    @Test
    void shouldAskNoPaidServiceWhenItIsChosenOrDiagnosed() {
        Map<String, String> named = Map.of(
                "TASK_ORCHESTRATOR_PROVIDER",
                "openai",
                "OPENAI_MODEL",
                "a",
                "OPENAI_BASE_URL",
                NOBODY, // a request would fail
                "OLLAMA_BASE_URL",
                NOBODY);
        try (ProviderFactory providers = ProviderFactory.fromEnv(named)) {
            assertThat(providers.selection().provider()).isEqualTo(ProviderKind.OPENAI);
            assertThat(providers.selection().attempts().get(0).availability())
                    .isEqualTo(new Availability.Remote(URI.create(NOBODY), false));
            providers.warmUp();
            assertThat(providers.diagnose()).hasSize(5);
        }
    }

    @Test
    void shouldGiveTextAndVectorsOnlyWhenTheProviderIsRemote() {
        ProviderConfig.Builder config =
                ProviderConfig.builder().provider(ProviderKind.OLLAMA).baseUrl(ProviderKind.OLLAMA, ollama.url());
        try (ProviderFactory providers = factory(config)) {
            assertThat(providers.createEmbeddingAdapter()).isNotNull();
            assertThat(providers.workers()).isEmpty();
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(providers::createTokenizer)
                    .withMessage(
                            "ollama has no worker, so it provides only text and embeddings. What to do: Use mlx or hf.");
            assertThatExceptionOfType(NotSupportedException.class).isThrownBy(providers::createAnalysisAdapter);
        }
    }

    @Test
    void shouldCloseItWithTheFactory() {
        ProviderFactory providers = factory(
                ProviderConfig.builder().provider(ProviderKind.OLLAMA).baseUrl(ProviderKind.OLLAMA, ollama.url()));
        TextGenerationPort llm = providers.createTextGenerationAdapter();
        assertThat(llm.generate("Hi").text()).isNotEmpty();

        providers.close();

        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> llm.generate("Hi"));
    }

    @Test
    void shouldNotAnswerWithoutTheAdapterThatIsSet() throws IOException {
        ProviderConfig.Builder adapted = noWorker()
                .baseUrl(ProviderKind.OLLAMA, ollama.url())
                .workers(WorkerConfig.builder()
                        .model(LoadConfig.builder()
                                .adapter(folder.resolve("adapter"))
                                .build())
                        .build());
        try (ProviderFactory providers = factory(adapted)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining("- ollama: ollama can't load adapters. (NO_ADAPTERS)");
        }
        adapted.fallback(List.of(ProviderKind.OLLAMA)).provider(ProviderKind.MLX);
        try (ProviderFactory providers = factory(adapted)) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(providers::selection)
                    .withMessageContaining(
                            "the fallback ollama (TASK_ORCHESTRATOR_FALLBACK) would answer without the adapter");
        }
        adapted.provider(ProviderKind.OLLAMA);
        try (ProviderFactory providers = factory(adapted)) {
            assertThat(providers.selection().provider()).as("it is named").isEqualTo(ProviderKind.OLLAMA);
        }
    }

    @Test
    void shouldNotLogTheKeyWhenEverythingIsLogged() throws Exception {
        String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        for (String provider : List.of("openai", "anthropic")) {
            String setting = provider.toUpperCase(Locale.ROOT);
            Process program = new ProcessBuilder(JavaCommand.of(
                            "-cp",
                            classes,
                            "-Dorg.slf4j.simpleLogger.defaultLogLevel=trace",
                            "-DTASK_ORCHESTRATOR_PROVIDER=" + provider,
                            "-D" + setting + "_MODEL=a",
                            "-D" + setting + "_API_KEY=sk-secret",
                            "-D" + setting + "_BASE_URL=" + ollama.url(), // it answers in another way
                            OptionalModulesTest.SaysHi.class.getName()))
                    .redirectErrorStream(true)
                    .start();

            assertThat(new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("Provider " + provider + " chosen", provider + " at " + ollama.url())
                    .doesNotContain("secret");
        }
    }

    private static void assertUnavailable(Map<String, String> settings, String code, String words) {
        try (ProviderFactory providers = ProviderFactory.fromEnv(settings)) {
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(providers::createTextGenerationAdapter)
                    .withMessageContaining(words)
                    .satisfies(error -> assertThat(error.code()).isEqualTo(code));
        }
    }

    private ProviderFactory factory(ProviderConfig.Builder config) {
        return new ProviderFactory(config.home(folder.resolve("home")).build(), LINUX);
    }

    private ProviderConfig.Builder noWorker() {
        String nowhere = folder.resolve("nowhere").toString();
        return ProviderConfig.builder().interpreter(ProviderKind.MLX, nowhere).interpreter(ProviderKind.HF, nowhere);
    }
}
