package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.compare.ComparedModel;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;

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
     * @param name its name in reports
     * @param model a model folder or a hub id
     * @param engine the worker that runs it
     * @param options its adapter, base model, expert and dtype; the others come from the environment
     */
    public record Source(String name, String model, WorkerKind engine, LoadConfig options) {}

    /** Opens models, each with a worker of its own. */
    @FunctionalInterface
    public interface Opener {
        OpenModel open(Source source);
    }

    /**
     * Opens a model with the environment's settings, except those that concern the model itself, and with TF32 and
     * fallback disabled.
     */
    public static OpenModel withWorker(Source source) {
        ProviderFactory providers = ProviderFactory.create(config(source, ProviderConfig.fromEnv()));
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

    /** Returns a configuration for one model, based on another configuration. */
    public static ProviderConfig config(Source source, ProviderConfig from) {
        ProviderKind kind = source.engine.kind();
        return withoutModelOptions(from)
                .provider(kind)
                .fallback(List.of())
                .model(kind, source.model)
                .workers(workers -> workers.prefixCacheBytes(0)
                        .mlx(mlx -> mlx.tf32(false)) // the results of two models are compared
                        .model(model -> model.adapter(source.options.adapter())
                                .expert(source.options.expert())
                                .base(source.options.base())
                                .dtype(source.options.dtype())))
                .build();
    }

    /** Returns a configuration without the options that change the model or how it decodes. */
    public static ProviderConfig.Builder withoutModelOptions(ProviderConfig from) {
        return from.toBuilder()
                .workers(workers -> workers.model(model ->
                                model.adapter(null).expert(null).base(null).dtype(null))
                        .mlx(mlx -> mlx.draftModel(null)
                                .draftTokens(null)
                                .kvBits(null)
                                .kvTokens(null)));
    }

    @Override
    public void close() {
        end.run();
    }
}
