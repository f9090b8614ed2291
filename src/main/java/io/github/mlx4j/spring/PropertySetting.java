package io.github.mlx4j.spring;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * A Spring property and the corresponding setting of {@link io.github.mlx4j.ProviderConfig#fromEnv()}.
 *
 * @param property the property's full name
 * @param setting the setting's name
 * @param value reads the property's value
 */
record PropertySetting(String property, String setting, Function<Mlx4jProperties, @Nullable Object> value) {

    private static final int MEBIBYTE = 1 << 20;

    /** All properties that have a setting. */
    static final List<PropertySetting> ALL =
            Stream.concat(single().stream(), roles().stream()).toList();

    private static List<PropertySetting> single() {
        return List.of(
                of("provider", "TASK_ORCHESTRATOR_PROVIDER", Mlx4jProperties::provider),
                of("fallback", "TASK_ORCHESTRATOR_FALLBACK", Mlx4jProperties::fallback),
                of("mlx.model", "MLX_MODEL", all -> all.mlx().model()),
                of("hf.model", "HF_MODEL", all -> all.hf().model()),
                of("ollama.model", "OLLAMA_MODEL", all -> all.ollama().model()),
                of("openai.model", "OPENAI_MODEL", all -> all.openai().model()),
                of("anthropic.model", "ANTHROPIC_MODEL", all -> all.anthropic().model()),
                of("ollama.base-url", "OLLAMA_BASE_URL", all -> all.ollama().baseUrl()),
                of("openai.base-url", "OPENAI_BASE_URL", all -> all.openai().baseUrl()),
                of(
                        "anthropic.base-url",
                        "ANTHROPIC_BASE_URL",
                        all -> all.anthropic().baseUrl()),
                of("openai.api-key", "OPENAI_API_KEY", all -> all.openai().apiKey()),
                of(
                        "anthropic.api-key",
                        "ANTHROPIC_API_KEY",
                        all -> all.anthropic().apiKey()),
                of("remote-timeout", "MLX4J_REMOTE_TIMEOUT_SECONDS", Mlx4jProperties::remoteTimeout),
                of("adapter-path", "MLX_ADAPTER_PATH", Mlx4jProperties::adapterPath),
                of("mlx.draft-model", "MLX_DRAFT_MODEL", all -> all.mlx().draftModel()),
                of("mlx.draft-tokens", "MLX_DRAFT_TOKENS", all -> all.mlx().draftTokens()),
                of("mlx.kv-bits", "MLX_KV_BITS", all -> all.mlx().kvBits()),
                of("mlx.kv-tokens", "MLX_KV_TOKENS", all -> all.mlx().kvTokens()),
                of("mlx.ranks", "MLX4J_RANKS", all -> all.mlx().ranks()),
                of("mlx.hosts", "MLX4J_HOSTS", all -> all.mlx().hosts()),
                of("mlx.wired-limit", "MLX4J_WIRED_LIMIT", all -> all.mlx().wiredLimit()),
                of("mlx.tf32", "MLX4J_TF32", all -> all.mlx().tf32()),
                of("hf.device", "MLX4J_HF_DEVICE", all -> all.hf().device()),
                of("reranker", "MLX4J_RERANKER", Mlx4jProperties::reranker),
                of("base-model", "MLX4J_BASE_MODEL", Mlx4jProperties::baseModel),
                of("expert", "MLX4J_EXPERT", Mlx4jProperties::expert),
                of("dtype", "MLX4J_DTYPE", Mlx4jProperties::dtype),
                of("memory-limit", "MLX4J_MEMORY_LIMIT_MB", Mlx4jProperties::memoryLimit),
                of("trust-remote-code", "MLX4J_TRUST_REMOTE_CODE", Mlx4jProperties::trustRemoteCode),
                of("allow-pickles", "MLX4J_ALLOW_PICKLES", Mlx4jProperties::allowPickles),
                of("python-path", "PYTHON_PATH", Mlx4jProperties::pythonPath),
                of("mlx.python", "MLX4J_MLX_PYTHON", all -> all.mlx().python()),
                of("hf.python", "MLX4J_HF_PYTHON", all -> all.hf().python()),
                of("home", "MLX4J_HOME", Mlx4jProperties::home),
                of("allow-any-platform", "MLX4J_ALLOW_ANY_PLATFORM", Mlx4jProperties::allowAnyPlatform),
                of("download", "MLX4J_DOWNLOAD", Mlx4jProperties::download),
                of("sandbox", "MLX4J_SANDBOX", Mlx4jProperties::sandbox),
                of("hang", "MLX4J_HANG_SECONDS", Mlx4jProperties::hang),
                of("idle", "MLX4J_IDLE_SECONDS", Mlx4jProperties::idle),
                of("max-requests", "MLX4J_MAX_REQUESTS", Mlx4jProperties::maxRequests),
                of("max-workers", "MLX4J_MAX_WORKERS", Mlx4jProperties::maxWorkers),
                of("memory-reserve", "MLX4J_MEMORY_RESERVE_MB", Mlx4jProperties::memoryReserve),
                of("prefix-cache", "MLX4J_PREFIX_CACHE_MB", Mlx4jProperties::prefixCache));
    }

    /** Returns the properties for single roles, such as {@code mlx4j.mlx.roles.router}. */
    private static List<PropertySetting> roles() {
        Map<String, Function<Mlx4jProperties, Mlx4jProperties.Roles>> providers = Map.of(
                "mlx", all -> all.mlx().roles(),
                "hf", all -> all.hf().roles(),
                "ollama", all -> all.ollama().roles(),
                "openai", all -> all.openai().roles(),
                "anthropic", all -> all.anthropic().roles());
        Map<String, Function<Mlx4jProperties.Roles, @Nullable Object>> roles = Map.of(
                "router", Mlx4jProperties.Roles::router,
                "decomposer", Mlx4jProperties.Roles::decomposer,
                "enhancer", Mlx4jProperties.Roles::enhancer,
                "tester", Mlx4jProperties.Roles::tester,
                "reranker", Mlx4jProperties.Roles::reranker);
        List<PropertySetting> all = new ArrayList<>();
        providers.forEach((provider, its) -> roles.forEach((role, model) -> all.add(of(
                provider + ".roles." + role,
                (provider + "_MODEL_" + role).toUpperCase(Locale.ROOT),
                properties -> model.apply(its.apply(properties))))));
        return all;
    }

    private static PropertySetting of(
            String property, String setting, Function<Mlx4jProperties, @Nullable Object> value) {
        return new PropertySetting("mlx4j." + property, setting, value);
    }

    /**
     * Returns the properties that are set and not empty, with their values.
     *
     * @throws InvalidConfigurationPropertyValueException for a duration or a size that the setting can't represent
     */
    static Map<PropertySetting, Object> in(Mlx4jProperties properties) {
        Map<PropertySetting, Object> set = new LinkedHashMap<>();
        for (PropertySetting each : ALL) {
            Object given = each.value.apply(properties);
            Object value = given == null ? "" : each.ofSetting(given);
            if (!value.toString().isBlank()) {
                set.put(each, value);
            }
        }
        return set;
    }

    /** Returns whether the value may be, or contain, a key or a password. */
    boolean mayBeSecret() {
        return property.endsWith(".api-key") || property.endsWith(".base-url");
    }

    /** Converts a value to a type that {@link io.github.mlx4j.ProviderConfig.Builder#setting} accepts. */
    private Object ofSetting(Object value) {
        if (value instanceof Duration time) {
            check(time.getNano() == 0, value, "It must be a whole number of seconds.");
        }
        if (value instanceof DataSize size) {
            check(size.toBytes() % MEBIBYTE == 0, value, "It must be a whole number of mebibytes (MB).");
            return size.toBytes();
        }
        return value instanceof List<?> list
                ? list.stream().map(String::valueOf).collect(Collectors.joining(","))
                : value;
    }

    private void check(boolean good, Object value, String otherwise) {
        if (!good) {
            throw new InvalidConfigurationPropertyValueException(property, value, otherwise);
        }
    }
}
