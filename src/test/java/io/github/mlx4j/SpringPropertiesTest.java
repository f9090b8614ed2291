package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.ApiKey;
import io.github.mlx4j.spring.Mlx4jAutoConfiguration;
import io.github.mlx4j.spring.Mlx4jProperties;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/**
 * Compares the Spring properties with the settings. It is in this package because {@link Setting} is package-private.
 */
class SpringPropertiesTest {

    /** Those that are no setting of a {@link ProviderConfig}. */
    private static final Set<String> OF_SPRING = Set.of("mlx4j.warm-up", "mlx4j.langchain4j.enabled");

    /** A value that is not the default for each setting, as a property and as a setting, if that is another. */
    private static final Map<String, List<String>> VALUES = new TreeMap<>(Map.ofEntries(
            value("TASK_ORCHESTRATOR_PROVIDER", "mlx4j.provider", "hf"),
            value("TASK_ORCHESTRATOR_FALLBACK", "mlx4j.fallback", "ollama,hf"),
            value("MLX_MODEL", "mlx4j.mlx.model", "a/b"),
            value("HF_MODEL", "mlx4j.hf.model", "a/b"),
            value("OLLAMA_MODEL", "mlx4j.ollama.model", "a"),
            value("OPENAI_MODEL", "mlx4j.openai.model", "a"),
            value("ANTHROPIC_MODEL", "mlx4j.anthropic.model", "a"),
            value("OLLAMA_BASE_URL", "mlx4j.ollama.base-url", "http://a:1"),
            value("OPENAI_BASE_URL", "mlx4j.openai.base-url", "http://a:1"),
            value("ANTHROPIC_BASE_URL", "mlx4j.anthropic.base-url", "http://a:1"),
            value("OPENAI_API_KEY", "mlx4j.openai.api-key", "sk-1"),
            value("ANTHROPIC_API_KEY", "mlx4j.anthropic.api-key", "sk-1"),
            value("MLX4J_REMOTE_TIMEOUT_SECONDS", "mlx4j.remote-timeout", "2m", "120"),
            value("MLX_ADAPTER_PATH", "mlx4j.adapter-path", "a"),
            value("MLX_DRAFT_MODEL", "mlx4j.mlx.draft-model", "a/b"),
            value("MLX_DRAFT_TOKENS", "mlx4j.mlx.draft-tokens", "5"),
            value("MLX_KV_BITS", "mlx4j.mlx.kv-bits", "8"),
            value("MLX_KV_TOKENS", "mlx4j.mlx.kv-tokens", "128"),
            value("MLX4J_RANKS", "mlx4j.mlx.ranks", "2"),
            value("MLX4J_HOSTS", "mlx4j.mlx.hosts", "/hosts.json"),
            value("MLX4J_WIRED_LIMIT", "mlx4j.mlx.wired-limit", "true"),
            value("MLX4J_TF32", "mlx4j.mlx.tf32", "false"),
            value("MLX4J_HF_DEVICE", "mlx4j.hf.device", "cpu"),
            value("MLX4J_RERANKER", "mlx4j.reranker", "qwen3"),
            value("MLX4J_BASE_MODEL", "mlx4j.base-model", "a/b"),
            value("MLX4J_EXPERT", "mlx4j.expert", "a"),
            value("MLX4J_DTYPE", "mlx4j.dtype", "float32"),
            value("MLX4J_MEMORY_LIMIT_MB", "mlx4j.memory-limit", "2GB", "2048"),
            value("MLX4J_TRUST_REMOTE_CODE", "mlx4j.trust-remote-code", "true"),
            value("MLX4J_ALLOW_PICKLES", "mlx4j.allow-pickles", "true"),
            value("PYTHON_PATH", "mlx4j.python-path", "a"),
            value("MLX4J_MLX_PYTHON", "mlx4j.mlx.python", "a"),
            value("MLX4J_HF_PYTHON", "mlx4j.hf.python", "a"),
            value("MLX4J_HOME", "mlx4j.home", "a"),
            value("MLX4J_ALLOW_ANY_PLATFORM", "mlx4j.allow-any-platform", "true"),
            value("MLX4J_DOWNLOAD", "mlx4j.download", "never"),
            value("MLX4J_SANDBOX", "mlx4j.sandbox", "require"),
            value("MLX4J_HANG_SECONDS", "mlx4j.hang", "90", "90"),
            value("MLX4J_IDLE_SECONDS", "mlx4j.idle", "1h", "3600"),
            value("MLX4J_MAX_REQUESTS", "mlx4j.max-requests", "7"),
            value("MLX4J_MAX_WORKERS", "mlx4j.max-workers", "2"),
            value("MLX4J_MEMORY_RESERVE_MB", "mlx4j.memory-reserve", "2GB", "2048"),
            value("MLX4J_PREFIX_CACHE_MB", "mlx4j.prefix-cache", "0", "0")));

    private final ApplicationContextRunner runner =
            new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(Mlx4jAutoConfiguration.class));

    private static Map.Entry<String, List<String>> value(
            String setting, String property, String value, String... asSetting) {
        return Map.entry(setting, List.of(property, value, asSetting.length == 0 ? value : asSetting[0]));
    }

    @ParameterizedTest
    @EnumSource(Setting.class)
    void shouldDoWhatTheSettingDoes(Setting setting) {
        List<String> value = VALUES.get(setting.name());
        assertThat(value).as("every setting has a property").isNotNull();
        Map<String, String> settings = ofThisMachine();
        settings.put(setting.name(), value.get(2));

        runner.withPropertyValues(value.get(0) + "=" + value.get(1))
                .run(context ->
                        assertThat(context.getBean(ProviderConfig.class)).isEqualTo(ProviderConfig.fromEnv(settings)));
    }

    @ParameterizedTest
    @EnumSource(ProviderKind.class)
    void shouldNameTheModelsOfRoles(ProviderKind provider) {
        for (ModelRole role : RoleSettings.ROLES) {
            Map<String, String> settings = ofThisMachine();
            settings.put(RoleSettings.name(provider, role), "a/b");

            runner.withPropertyValues("mlx4j.%s.roles.%s=a/b".formatted(provider.id(), role.id()))
                    .run(context -> assertThat(context.getBean(ProviderConfig.class))
                            .isEqualTo(ProviderConfig.fromEnv(settings)));
        }
    }

    @Test
    void shouldBeDescribedForIdes() throws IOException {
        JsonNode metadata;
        try (InputStream file =
                Mlx4jProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json")) {
            metadata = new JsonMapper().readTree(file);
        }
        Map<String, String> described = StreamSupport.stream(
                        metadata.get("properties").spliterator(), false)
                .filter(property -> property.get("name").asText().startsWith("mlx4j."))
                .collect(Collectors.toMap(
                        property -> property.get("name").asText(),
                        property -> property.path("description").asText()));

        assertThat(described.keySet())
                .isEqualTo(
                        Stream.of(OF_SPRING.stream(), VALUES.values().stream().map(value -> value.get(0)), ofRoles())
                                .flatMap(names -> names)
                                .collect(Collectors.toCollection(TreeSet::new)));
        assertThat(described.values()).noneMatch(String::isBlank);
        assertThat(described.values())
                .as("Javadoc's marks mean nothing in an IDE")
                .noneMatch(text -> text.contains("{@"));
        StreamSupport.stream(metadata.get("hints").spliterator(), false)
                .forEach(hint ->
                        assertThat(described).containsKey(hint.get("name").asText()));
    }

    private static Stream<String> ofRoles() {
        return Arrays.stream(ProviderKind.values())
                .flatMap(provider -> RoleSettings.ROLES.stream()
                        .map(role -> "mlx4j.%s.roles.%s".formatted(provider.id(), role.id())));
    }

    @Test
    void shouldComeBeforeTheSettings() {
        runner.withSystemProperties("MLX_MODEL=of/setting", "HF_MODEL=of/setting")
                .withPropertyValues("mlx4j.mlx.model=of/property", "mlx4j.hf.model=")
                .run(context -> assertThat(context.getBean(ProviderConfig.class).models())
                        .containsEntry(ProviderKind.MLX, "of/property")
                        .containsEntry(ProviderKind.HF, "of/setting"));
    }

    @ParameterizedTest
    @CsvSource({
        "mlx4j.provider, mxl, TASK_ORCHESTRATOR_PROVIDER is 'mxl'",
        "mlx4j.mlx.kv-bits, 5, MLX_KV_BITS is '5'",
        "mlx4j.download, sometimes, MLX4J_DOWNLOAD is 'sometimes'",
        "mlx4j.hang, 0s, MLX4J_HANG_SECONDS is '0'",
        "mlx4j.hang, 1500ms, It must be a whole number of seconds.",
        "mlx4j.prefix-cache, 100KB, It must be a whole number of mebibytes",
        "mlx4j.max-requests, 0, MLX4J_MAX_REQUESTS is '0'"
    })
    void shouldNameThePropertyThatCannotBe(String property, String value, String why) {
        runner.withPropertyValues(property + "=" + value)
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .isInstanceOfSatisfying(InvalidConfigurationPropertyValueException.class, error -> {
                            assertThat(error.getName()).isEqualTo(property);
                            assertThat(error.getReason()).contains(why);
                        }));
    }

    @Test
    void shouldRefuseAPropertyThatThereIsNot() {
        runner.withPropertyValues("mlx4j.mlx.modle=a/b")
                .run(context ->
                        assertThat(context.getStartupFailure()).rootCause().hasMessageContaining("mlx4j.mlx.modle"));
        runner.withSystemProperties("mlx4j.of.another=whatever") // they are not this program's alone
                .run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void shouldTakeAListOfFallbacks() {
        runner.withPropertyValues("mlx4j.fallback[0]=ollama", "mlx4j.fallback[1]=hf")
                .run(context -> assertThat(context.getBean(ProviderConfig.class).fallback())
                        .contains(List.of(ProviderKind.OLLAMA, ProviderKind.HF)));
    }

    @Test
    void shouldRefuseAValueOfAnotherType() {
        runner.withPropertyValues("mlx4j.max-requests=many")
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .hasMessageContaining("For input string: \"many\""));
    }

    @ParameterizedTest
    @CsvSource({"mlx4j.openai.api-key, a b", "mlx4j.openai.base-url, https://me:secret@a/v1"})
    void shouldNotShowWhatMayBeSecret(String property, String value) {
        runner.withPropertyValues(property + "=" + value).run(context -> {
            for (Throwable error = context.getStartupFailure(); error != null; error = error.getCause()) {
                assertThat(error.toString()).doesNotContain("secret").doesNotContain("a b");
            }
            assertThatThrownBy(() -> context.getBean(ProviderConfig.class)).isInstanceOf(IllegalStateException.class);
        });
    }

    @Test
    void shouldNotShowKeysInText() {
        runner.withPropertyValues("mlx4j.openai.api-key=sk-secret").run(context -> {
            assertThat(context.getBean(Mlx4jProperties.class).toString()).doesNotContain("secret");
            assertThat(context.getBean(ProviderConfig.class).toString()).doesNotContain("secret");
            assertThat(context.getBean(ProviderConfig.class).remote().keys())
                    .containsEntry(ProviderKind.OPENAI, new ApiKey("sk-secret"));
        });
    }

    @Test
    void shouldHaveTheDefaultsWithoutProperties() {
        runner.run(context -> {
            ProviderConfig config = context.getBean(ProviderConfig.class);

            assertThat(config).isEqualTo(ProviderConfig.fromEnv(ofThisMachine()));
            assertThat(config.workers().hang()).isEqualTo(Duration.ofMinutes(2));
            assertThat(config.home()).isEqualTo(Path.of(System.getProperty("user.home"), ".mlx4j"));
        });
    }

    /** Tests may run where settings are set. */
    private static Map<String, String> ofThisMachine() {
        Set<String> names = Arrays.stream(Setting.values()).map(Setting::name).collect(Collectors.toSet());
        return System.getenv().entrySet().stream()
                .filter(variable ->
                        names.contains(variable.getKey()) || variable.getKey().contains("_MODEL_"))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a, TreeMap::new));
    }
}
