package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ProviderConfig.NamedInterpreter;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.RerankerKind;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.UnsupportedProviderException;
import io.github.mlx4j.event.BreakerState;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.ApiKey;
import io.github.mlx4j.remote.RemoteConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ProviderConfigTest {

    @Test
    void shouldTellEveryListenerThatItIsGiven() {
        RecordingListener first = new RecordingListener();
        RecordingListener second = new RecordingListener();
        RecordingListener third = new RecordingListener();
        ProviderConfig config =
                ProviderConfig.builder()
                        .listener(first)
                        .workers(WorkerConfig.builder().listener(second).build())
                        .build()
                        .toBuilder()
                        .listener(third)
                        .build();

        config.workers().listener().onBreaker("mlx", BreakerState.OPEN);

        await().untilAsserted(() -> assertThat(List.of(first, second, third))
                .allSatisfy(heard -> assertThat(heard.lines()).containsExactly("breaker mlx OPEN")));
    }

    @Test
    void shouldHaveEveryDefaultWhenNothingIsSet() {
        ProviderConfig config = ProviderConfig.fromEnv(Map.of());

        assertThat(config).isEqualTo(ProviderConfig.builder().build());
        assertThat(config.provider()).isEmpty();
        assertThat(config.fallback()).isEmpty();
        assertThat(config.models()).isEmpty();
        assertThat(config.interpreters()).isEmpty();
        assertThat(config.home()).isEqualTo(Path.of(System.getProperty("user.home"), ".mlx4j"));
        assertThat(config.allowAnyPlatform()).isFalse();
        assertThat(config.download()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void shouldHaveTheDefaultWhenASettingIsEmpty(Setting setting) {
        assertThat(ProviderConfig.fromEnv(Map.of(setting.name(), ""))).isEqualTo(ProviderConfig.fromEnv(Map.of()));
        assertThat(ProviderConfig.fromEnv(Map.of(setting.name(), " \t"))).isEqualTo(ProviderConfig.fromEnv(Map.of()));
    }

    @ParameterizedTest
    @EnumSource
    void shouldReadEverySetting(Setting setting) {
        assertThat(from(setting, other(setting))).isNotEqualTo(ProviderConfig.fromEnv(Map.of()));
    }

    @ParameterizedTest
    @EnumSource
    void shouldKeepEverySettingInItsBuilder(Setting setting) {
        ProviderConfig config = from(setting, other(setting));

        assertThat(config.toBuilder()
                        .workers(workers -> workers.model(model -> {}).mlx(mlx -> {}))
                        .pool(pool -> {})
                        .build())
                .isEqualTo(config);
    }

    @ParameterizedTest
    @EnumSource
    void shouldSetInAProgramWhatTheEnvironmentSets(Setting setting) {
        assertThat(ProviderConfig.builder()
                        .setting(setting.name(), " " + other(setting))
                        .setting(setting.name(), " ")
                        .build())
                .isEqualTo(from(setting, other(setting)));
    }

    @Test
    void shouldTakeValuesOfTheSettingsTypes() {
        assertThat(ProviderConfig.builder()
                        .setting("MLX4J_IDLE_SECONDS", Duration.ofHours(1))
                        .setting("MLX4J_PREFIX_CACHE_MB", 5L << 20)
                        .setting("MLX_KV_BITS", 4)
                        .setting("MLX4J_TF32", false)
                        .build())
                .isEqualTo(ProviderConfig.fromEnv(Map.of(
                        "MLX4J_IDLE_SECONDS", "3600",
                        "MLX4J_PREFIX_CACHE_MB", "5",
                        "MLX_KV_BITS", "4",
                        "MLX4J_TF32", "false")));
    }

    @ParameterizedTest
    @CsvSource({
        "MLX_KV_BITS, 5, MLX_KV_BITS is '5'",
        "MLX_KV_BITS, true, MLX_KV_BITS can't be set to a value of class Boolean.",
        "MLX_KV_BITZ, 4, There is no setting MLX_KV_BITZ."
    })
    void shouldRefuseAValueThatTheSettingCannotHave(String setting, String value, String message) {
        Object typed = value.equals("true") ? Boolean.TRUE : Integer.valueOf(value);

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ProviderConfig.builder().setting(setting, typed))
                .withMessageContaining(message);
    }

    @Test
    void shouldPreferTheInterpreterOfAWorkerWhateverIsSetFirst() {
        assertThat(ProviderConfig.builder()
                        .setting("MLX4J_MLX_PYTHON", "/b")
                        .setting("PYTHON_PATH", "/a")
                        .build()
                        .interpreters())
                .isEqualTo(Map.of(
                        ProviderKind.MLX, new NamedInterpreter("/b", "MLX4J_MLX_PYTHON"),
                        ProviderKind.HF, new NamedInterpreter("/a", "PYTHON_PATH")));
    }

    /** A value that is not the default. */
    private static String other(Setting setting) {
        Map<Setting, String> values = new EnumMap<>(Map.of(
                Setting.TASK_ORCHESTRATOR_PROVIDER, "hf",
                Setting.TASK_ORCHESTRATOR_FALLBACK, "none",
                Setting.MLX4J_ALLOW_ANY_PLATFORM, "true",
                Setting.MLX4J_DOWNLOAD, "never",
                Setting.MLX4J_HANG_SECONDS, "7",
                Setting.MLX4J_IDLE_SECONDS, "7",
                Setting.MLX4J_MAX_REQUESTS, "7",
                Setting.MLX4J_MAX_WORKERS, "7",
                Setting.MLX4J_MEMORY_RESERVE_MB, "7",
                Setting.MLX4J_PREFIX_CACHE_MB, "7"));
        values.put(Setting.MLX4J_SANDBOX, "require");
        values.putAll(Map.of(
                Setting.MLX_DRAFT_TOKENS, "7",
                Setting.MLX_KV_BITS, "8",
                Setting.MLX_KV_TOKENS, "77",
                Setting.MLX4J_RANKS, "7",
                Setting.MLX4J_DTYPE, "float16",
                Setting.MLX4J_MEMORY_LIMIT_MB, "7",
                Setting.MLX4J_TRUST_REMOTE_CODE, "true",
                Setting.MLX4J_ALLOW_PICKLES, "true"));
        values.putAll(Map.of(
                Setting.MLX4J_WIRED_LIMIT, "true",
                Setting.MLX4J_TF32, "false",
                Setting.MLX4J_HF_DEVICE, "cpu",
                Setting.MLX4J_RERANKER, "qwen3"));
        values.putAll(Map.of(
                Setting.OLLAMA_BASE_URL, "http://a",
                Setting.OPENAI_BASE_URL, "http://a",
                Setting.ANTHROPIC_BASE_URL, "http://a",
                Setting.OPENAI_API_KEY, "sk-a",
                Setting.ANTHROPIC_API_KEY, "sk-a",
                Setting.MLX4J_REMOTE_TIMEOUT_SECONDS, "7"));

        return values.getOrDefault(setting, "some value");
    }

    @Test
    void shouldKeepWhatIsNoSettingInTheBuilders() {
        LoadConfig model = LoadConfig.builder().actionHeadSeed(7L).build();
        WorkerConfig workers = WorkerConfig.builder()
                .model(model)
                .journal(Path.of("journal"))
                .memoryPeriod(Duration.ofSeconds(1))
                .build();
        WorkerPoolConfig pool =
                WorkerPoolConfig.builder().longestWait(Duration.ZERO).build();
        ProviderConfig config = ProviderConfig.builder()
                .model(ProviderKind.HF, ModelRole.TESTER, "t")
                .workers(workers)
                .pool(pool)
                .build();

        assertThat(config.toBuilder().build()).isEqualTo(config);
        assertThat(config.workers()).isEqualTo(workers);
        assertThat(config.workers().model()).isEqualTo(model);
        assertThat(config.pool()).isEqualTo(pool);
    }

    @Test
    void shouldForgetTheModelsOfRolesWhenOneIsForEveryRole() {
        assertThat(ProviderConfig.builder()
                        .model(ProviderKind.MLX, ModelRole.ROUTER, "r")
                        .model(ProviderKind.HF, ModelRole.ROUTER, "h")
                        .modelForEveryRole(ProviderKind.MLX, "m")
                        .build())
                .isEqualTo(ProviderConfig.fromEnv(Map.of("MLX_MODEL", "m", "HF_MODEL_ROUTER", "h")));
    }

    @ParameterizedTest
    @EnumSource
    void shouldSayWhatEverySettingDoes(Setting setting) {
        assertThat(setting.effect()).endsWith(".");
        assertThat(setting.defaultText()).isNotNull();
    }

    @ParameterizedTest
    @CsvSource({
        "mlx, MLX",
        "hf, HF",
        "ollama, OLLAMA",
        "openai, OPENAI",
        "anthropic, ANTHROPIC",
        "MLX, MLX",
        "' Hf ', HF"
    })
    void shouldTakeTheProviderWhenItIsNamed(String name, ProviderKind provider) {
        assertThat(from(Setting.TASK_ORCHESTRATOR_PROVIDER, name).provider()).hasValue(provider);
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "AUTO"})
    void shouldLeaveTheProviderOpenWhenItIsAuto(String auto) {
        assertThat(from(Setting.TASK_ORCHESTRATOR_PROVIDER, auto).provider()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mlxx", "mlx,hf", "none"})
    void shouldListTheProvidersWhenThereIsNoSuchOne(String name) {
        assertThatExceptionOfType(UnsupportedProviderException.class)
                .isThrownBy(() -> from(Setting.TASK_ORCHESTRATOR_PROVIDER, name))
                .withMessage("TASK_ORCHESTRATOR_PROVIDER is '" + name + "', but there is no such provider."
                        + " What to do: Set it to auto, mlx, hf, ollama, openai, anthropic.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("UNSUPPORTED_PROVIDER"));
    }

    @Test
    void shouldTakeTheFallbackWhenItIsAList() {
        assertThat(from(Setting.TASK_ORCHESTRATOR_FALLBACK, "hf").fallback()).hasValue(List.of(ProviderKind.HF));
        assertThat(from(Setting.TASK_ORCHESTRATOR_FALLBACK, "hf, OLLAMA ,hf").fallback())
                .hasValue(List.of(ProviderKind.HF, ProviderKind.OLLAMA));
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "None"})
    void shouldHaveNoFallbackWhenItIsNone(String none) {
        assertThat(from(Setting.TASK_ORCHESTRATOR_FALLBACK, none).fallback()).hasValue(List.of());
    }

    @ParameterizedTest
    @CsvSource({"'hf,nope', nope", "auto, auto", "'hf,none', none", "'hf,,mlx', ''"})
    void shouldListTheProvidersWhenAFallbackDoesNotExist(String list, String wrong) {
        assertThatExceptionOfType(UnsupportedProviderException.class)
                .isThrownBy(() -> from(Setting.TASK_ORCHESTRATOR_FALLBACK, list))
                .withMessage("TASK_ORCHESTRATOR_FALLBACK is '" + wrong + "', but there is no such provider."
                        + " What to do: Set it to none, or to a list of mlx, hf, ollama, openai, anthropic.");
    }

    @Test
    void shouldTakeTheModelOfEachProvider() {
        assertThat(ProviderConfig.fromEnv(Map.of("MLX_MODEL", "/models/a", "HF_MODEL", "org/b"))
                        .models())
                .isEqualTo(Map.of(ProviderKind.MLX, "/models/a", ProviderKind.HF, "org/b"));
    }

    @Test
    void shouldTakeWhichWorkersMayBeUpAtOnce() {
        assertThat(ProviderConfig.fromEnv(Map.of("MLX4J_MAX_WORKERS", "2", "MLX4J_MEMORY_RESERVE_MB", "4096"))
                        .pool())
                .isEqualTo(WorkerPoolConfig.builder()
                        .maxWorkers(2)
                        .reservedBytes(4L << 30)
                        .build());
    }

    @Test
    void shouldTakeTheInterpreterOfEveryWorkerUnlessOneHasItsOwn() {
        assertThat(ProviderConfig.fromEnv(Map.of("PYTHON_PATH", "/a")).interpreters())
                .isEqualTo(Map.of(
                        ProviderKind.MLX, new NamedInterpreter("/a", "PYTHON_PATH"),
                        ProviderKind.HF, new NamedInterpreter("/a", "PYTHON_PATH")));
        assertThat(ProviderConfig.fromEnv(Map.of("PYTHON_PATH", "/a", "MLX4J_MLX_PYTHON", "/b"))
                        .interpreters())
                .isEqualTo(Map.of(
                        ProviderKind.MLX, new NamedInterpreter("/b", "MLX4J_MLX_PYTHON"),
                        ProviderKind.HF, new NamedInterpreter("/a", "PYTHON_PATH")));
        assertThat(ProviderConfig.fromEnv(Map.of("MLX4J_HF_PYTHON", "/c")).interpreters())
                .isEqualTo(Map.of(ProviderKind.HF, new NamedInterpreter("/c", "MLX4J_HF_PYTHON")));
    }

    @Test
    void shouldTakeTheHome() {
        assertThat(from(Setting.MLX4J_HOME, "/elsewhere").home()).isEqualTo(Path.of("/elsewhere"));
    }

    @ParameterizedTest
    @CsvSource({"true, true", "TRUE, true", "false, false"})
    void shouldTakeWhetherAnyPlatformWillDo(String value, boolean allowed) {
        assertThat(from(Setting.MLX4J_ALLOW_ANY_PLATFORM, value).allowAnyPlatform())
                .isEqualTo(allowed);
    }

    @ParameterizedTest
    @CsvSource({"auto, true", "never, false", "Never, false"})
    void shouldTakeWhetherToDownload(String value, boolean download) {
        assertThat(from(Setting.MLX4J_DOWNLOAD, value).download()).isEqualTo(download);
    }

    @ParameterizedTest
    @CsvSource({
        "MLX4J_ALLOW_ANY_PLATFORM, yes, true or false",
        "MLX4J_ALLOW_ANY_PLATFORM, 1, true or false",
        "MLX4J_DOWNLOAD, always, auto or never",
        "MLX4J_SANDBOX, on, 'auto, require or off'",
        "MLX4J_DOWNLOAD, false, auto or never",
        "MLX4J_TRUST_REMOTE_CODE, yes, true or false",
        "MLX4J_ALLOW_PICKLES, 1, true or false",
        "MLX4J_WIRED_LIMIT, 1, true or false",
        "MLX4J_TF32, 0, true or false",
        "MLX4J_HF_DEVICE, gpu, 'auto, cuda, mps or cpu'",
        "MLX4J_RERANKER, bert, auto or qwen3",
        "MLX4J_DTYPE, int8, 'bfloat16, float16 or float32'",
        "MLX4J_MEMORY_LIMIT_MB, 0, a whole number from 1 on",
        "MLX_KV_BITS, 2, 4 or 8",
        "MLX_DRAFT_TOKENS, 0, a whole number from 1 to 16",
        "MLX_DRAFT_TOKENS, 17, a whole number from 1 to 16",
        "MLX_KV_TOKENS, 63, a whole number from 64 on",
        "MLX4J_RANKS, 1, a whole number from 2 to 16",
        "MLX4J_PREFIX_CACHE_MB, -1, a whole number from 0 on",
        "MLX4J_PREFIX_CACHE_MB, 1.5, a whole number from 0 on",
        "MLX4J_MAX_REQUESTS, 0, a whole number from 1 on",
        "MLX4J_MAX_WORKERS, 0, a whole number from 1 on",
        "MLX4J_MEMORY_RESERVE_MB, -1, a whole number from 0 on"
    })
    void shouldSayWhichValuesThereAreWhenASettingHasAnother(Setting setting, String value, String choices) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> from(setting, value))
                .withMessage(setting + " is '" + value + "', which is not a valid value. What to do: Set it to "
                        + choices + ".")
                .satisfies(error -> assertThat(error.code()).isEqualTo("INVALID_CONFIGURATION"));
    }

    @Test
    void shouldTakeTheOptionsOfTheMlxWorker() {
        WorkerConfig workers = ProviderConfig.fromEnv(Map.of(
                        "MLX_DRAFT_MODEL", "org/draft",
                        "MLX_DRAFT_TOKENS", "16",
                        "MLX_KV_BITS", "4",
                        "MLX_KV_TOKENS", "64",
                        "MLX4J_RANKS", "2",
                        "MLX4J_HOSTS", "hosts.json",
                        "MLX4J_WIRED_LIMIT", "true",
                        "MLX4J_TF32", "False",
                        "MLX4J_PREFIX_CACHE_MB", "4096"))
                .workers();

        assertThat(workers.mlx())
                .isEqualTo(new MlxConfig("org/draft", 16, 4, 64, 2, Path.of("hosts.json"), true, false));
        assertThat(workers.prefixCacheBytes()).isEqualTo(4L << 30);
        assertThat(from(Setting.MLX4J_PREFIX_CACHE_MB, "0").workers().prefixCacheBytes())
                .isZero();
    }

    @Test
    void shouldTakeTheOptionsOfTheModel() {
        assertThat(ProviderConfig.fromEnv(Map.of(
                                "MLX_ADAPTER_PATH", "/adapters/a",
                                "MLX4J_BASE_MODEL", "org/base",
                                "MLX4J_EXPERT", "medicine",
                                "MLX4J_DTYPE", "BFloat16",
                                "MLX4J_MEMORY_LIMIT_MB", "4096",
                                "MLX4J_TRUST_REMOTE_CODE", "true",
                                "MLX4J_ALLOW_PICKLES", "true",
                                "MLX4J_HF_DEVICE", "MPS",
                                "MLX4J_RERANKER", "Qwen3"))
                        .workers()
                        .model())
                .isEqualTo(new LoadConfig(
                        Path.of("/adapters/a"),
                        "org/base",
                        "medicine",
                        Dtype.BFLOAT16,
                        null,
                        null,
                        true,
                        true,
                        4L << 30,
                        HfDevice.MPS,
                        RerankerKind.QWEN3));
    }

    @Test
    void shouldPreferTheSystemPropertyWhenBothAreSet() throws Exception {
        String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        ProcessBuilder program = new ProcessBuilder(
                JavaCommand.of("-cp", classes, "-DMLX_MODEL=property", "-DPYTHON_PATH=", PrintsModels.class.getName()));
        program.environment().clear();
        program.environment()
                .putAll(Map.of("MLX_MODEL", "variable", "HF_MODEL", "variable", "PYTHON_PATH", "/variable"));

        Process process = program.redirectError(ProcessBuilder.Redirect.INHERIT).start();

        assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .as("an empty property hides a variable")
                .isEqualTo("property variable {}");
    }

    /** A separate program, because a test can't set an environment variable of its own process. */
    static final class PrintsModels {
        public static void main(String[] args) {
            ProviderConfig config = ProviderConfig.fromEnv();
            System.out.print(config.models().get(ProviderKind.MLX) + " "
                    + config.models().get(ProviderKind.HF) + " " + config.interpreters());
        }
    }

    @Test
    void shouldStayAsItIsWhenItsBuilderGoesOn() {
        List<ProviderKind> fallback = new ArrayList<>(List.of(ProviderKind.HF));
        ProviderConfig.Builder builder = ProviderConfig.builder()
                .provider(ProviderKind.MLX)
                .fallback(fallback)
                .model(ProviderKind.MLX, "/models/a")
                .model(ProviderKind.MLX, ModelRole.ROUTER, "/models/r")
                .interpreter(ProviderKind.HF, "python3.12")
                .home(Path.of("/elsewhere"))
                .allowAnyPlatform(true)
                .download(false);
        ProviderConfig config = builder.build();

        fallback.clear();
        builder.model(ProviderKind.MLX, "/models/b")
                .model(ProviderKind.MLX, ModelRole.ROUTER, "/models/s")
                .interpreter(ProviderKind.HF, "other");

        assertThat(config)
                .isEqualTo(new ProviderConfig(
                        ProviderKind.MLX,
                        List.of(ProviderKind.HF),
                        Map.of(ProviderKind.MLX, "/models/a"),
                        Map.of(ProviderKind.MLX, Map.of(ModelRole.ROUTER, "/models/r")),
                        Map.of(ProviderKind.HF, new NamedInterpreter("python3.12", "the configuration")),
                        Path.of("/elsewhere"),
                        true,
                        false,
                        WorkerConfig.DEFAULT,
                        WorkerPoolConfig.DEFAULT,
                        RemoteConfig.DEFAULT));
    }

    @Test
    void shouldReadWhereRemoteProvidersAreWhenTheEnvironmentSaysSo() {
        RemoteConfig remote = ProviderConfig.fromEnv(Map.of(
                        "OLLAMA_BASE_URL", "http://[::1]:1",
                        "OPENAI_BASE_URL", "http://10.0.0.7:8080/v1",
                        "OPENAI_API_KEY", "sk-a",
                        "ANTHROPIC_API_KEY", "sk-b",
                        "MLX4J_REMOTE_TIMEOUT_SECONDS", "7"))
                .remote();

        assertThat(remote.baseUrl(ProviderKind.OLLAMA)).hasToString("http://[::1]:1");
        assertThat(remote.baseUrl(ProviderKind.OPENAI)).hasToString("http://10.0.0.7:8080/v1");
        assertThat(remote.baseUrl(ProviderKind.ANTHROPIC)).hasToString("https://api.anthropic.com/v1");
        assertThat(remote.isHere(ProviderKind.OLLAMA)).isTrue();
        assertThat(remote.isHere(ProviderKind.OPENAI)).isFalse();
        assertThat(remote.key(ProviderKind.OPENAI)).hasValue(new ApiKey("sk-a"));
        assertThat(remote.key(ProviderKind.ANTHROPIC)).hasValue(new ApiKey("sk-b"));
        assertThat(remote.key(ProviderKind.OLLAMA)).isEmpty();
        assertThat(remote.timeout()).hasSeconds(7);
    }

    @Test
    void shouldNotShowKeysWhenPrinted() {
        ProviderConfig config = ProviderConfig.fromEnv(
                Map.of("OPENAI_API_KEY", "sk-secret", "ANTHROPIC_API_KEY", "sk-secret", "OPENAI_MODEL", "a"));

        assertThat(config.toString()).contains("OPENAI=***", "ANTHROPIC=***").doesNotContain("secret");
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            assertThat(providers.toString() + providers.config()).doesNotContain("secret");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sk-se cret", "sk-secret\nX-Other: 1", "sk-secret\u00e9"})
    void shouldRefuseAKeyWithoutShowingItWhenItCantBeSent(String key) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> from(Setting.OPENAI_API_KEY, key))
                .withMessageContaining("An API key is empty or contains spaces")
                .withMessageNotContaining("secret");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost:11434",
                "ftp://a",
                "http://",
                "http://user:secret@a",
                "http://a?secret",
                "http://a#secret",
                "http://a b"
            })
    void shouldRefuseABaseUrlWithoutShowingItWhenItIsNotOneOfAServer(String url) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> from(Setting.OPENAI_BASE_URL, url))
                .withMessageContaining("OPENAI_BASE_URL")
                .withMessageNotContaining("secret");
    }

    private static ProviderConfig from(Setting setting, String value) {
        return ProviderConfig.fromEnv(Map.of(setting.name(), value));
    }
}
