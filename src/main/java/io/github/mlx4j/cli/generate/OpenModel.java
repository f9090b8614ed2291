package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.compare.ComparedModel;
import io.github.mlx4j.config.Dtype;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model with a worker of its own, until it is closed.
 *
 * @param side the model
 * @param end stops the worker
 */
public record OpenModel(ComparedModel side, Runnable end) implements AutoCloseable {

    /**
     * Which model to open.
     *
     * @param name what reports call it
     * @param model a folder, or a hub id
     * @param engine what runs it
     * @param adapter the folder of an adapter on it, or {@code null}
     * @param making what is made of it
     */
    public record Source(
            String name,
            String model,
            WorkerKind engine,
            @Nullable Path adapter,
            Making making) {}

    /**
     * What is made of a model as it is loaded.
     *
     * @param expert the one expert of a DyLoRA-MoE that answers, or {@code null}
     * @param base the base model in place of the one that it names, or {@code null}
     * @param dtype what the weights are turned into, or {@code null}
     */
    public record Making(
            @Nullable String expert,
            @Nullable String base,
            @Nullable Dtype dtype) {}

    /** Opens models. */
    @FunctionalInterface
    public interface Opener {
        OpenModel open(Source source);
    }

    /** What would make it another model, or one that is faster the second time. */
    public static final List<String> LEFT_OUT = List.of(
            "MLX_ADAPTER_PATH",
            "MLX4J_EXPERT",
            "MLX4J_BASE_MODEL",
            "MLX4J_DTYPE",
            "MLX_DRAFT_MODEL",
            "MLX_DRAFT_TOKENS",
            "MLX_KV_BITS",
            "MLX_KV_TOKENS");

    /**
     * Opens a model with the environment's settings, but for those of the model itself, without TF32 and without a
     * fallback.
     */
    public static OpenModel withWorker(Source source) {
        Map<String, String> settings = settings(source, ProviderConfig.environment());
        ProviderFactory providers = ProviderFactory.create(ProviderConfig.fromEnv(settings));
        try {
            return new OpenModel(
                    new ComparedModel(
                            source.name,
                            providers.createTextGenerationAdapter(),
                            providers.createTokenizer(),
                            providers.createAnalysisAdapter()),
                    providers::close);
        } catch (RuntimeException failure) {
            providers.close();
            throw failure;
        }
    }

    /** The settings for a model, of those of the environment and what is said of it. */
    public static Map<String, String> settings(Source source, Map<String, String> environment) {
        Map<String, String> settings = new HashMap<>(environment);
        LEFT_OUT.forEach(name -> settings.put(name, ""));
        settings.put("MLX4J_PREFIX_CACHE_MB", "0");
        settings.put("MLX4J_TF32", "false"); // numbers of two models are compared
        settings.put("TASK_ORCHESTRATOR_PROVIDER", source.engine.kind().id());
        settings.put("TASK_ORCHESTRATOR_FALLBACK", "none");
        settings.put(source.engine.name() + "_MODEL", source.model);
        if (source.adapter != null) {
            settings.put("MLX_ADAPTER_PATH", source.adapter.toString());
        }
        if (source.making.expert != null) {
            settings.put("MLX4J_EXPERT", source.making.expert);
        }
        if (source.making.base != null) {
            settings.put("MLX4J_BASE_MODEL", source.making.base);
        }
        if (source.making.dtype != null) {
            settings.put("MLX4J_DTYPE", source.making.dtype.id());
        }
        return settings;
    }

    @Override
    public void close() {
        end.run();
    }
}
