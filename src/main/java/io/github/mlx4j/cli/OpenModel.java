package io.github.mlx4j.cli;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.evaluation.Side;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model with a worker of its own, until it is closed.
 *
 * @param side the model
 * @param end stops the worker
 */
record OpenModel(Side side, Runnable end) implements AutoCloseable {

    /**
     * Which model to open.
     *
     * @param name what reports call it
     * @param model a folder, or a hub id
     * @param engine what runs it
     * @param adapter the folder of an adapter on it, or {@code null}
     */
    record Source(
            String name,
            String model,
            Engine engine,
            @Nullable Path adapter) {}

    /** Opens models. */
    @FunctionalInterface
    interface Opener {
        OpenModel open(Source source);
    }

    /** What would make it another model, or one that is faster the second time. */
    private static final List<String> LEFT_OUT =
            List.of("MLX_ADAPTER_PATH", "MLX_DRAFT_MODEL", "MLX_DRAFT_TOKENS", "MLX_KV_BITS", "MLX_KV_TOKENS");

    /** Opens a model with the environment's settings, but for those of the model itself, and without a fallback. */
    static OpenModel withWorker(Source source) {
        Map<String, String> settings = ProviderOptions.environment();
        LEFT_OUT.forEach(name -> settings.put(name, ""));
        settings.put("MLX4J_PREFIX_CACHE_MB", "0");
        settings.put("TASK_ORCHESTRATOR_PROVIDER", source.engine.kind().id());
        settings.put("TASK_ORCHESTRATOR_FALLBACK", "none");
        settings.put(source.engine.name() + "_MODEL", source.model);
        if (source.adapter != null) {
            settings.put("MLX_ADAPTER_PATH", source.adapter.toString());
        }
        ProviderFactory providers = ProviderFactory.create(ProviderConfig.fromEnv(settings));
        try {
            return new OpenModel(
                    new Side(
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

    @Override
    public void close() {
        end.run();
    }
}
