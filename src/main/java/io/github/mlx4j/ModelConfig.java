package io.github.mlx4j;

import io.github.mlx4j.config.LoadConfig;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link LocalModel} loads, and how. Immutable; create one with {@link #builder(String)}.
 *
 * @param modelName the model: a folder, or a hub id {@code org/name}
 * @param mlxModelPath the model that mlx loads instead, such as a quantized version: a folder, or a hub id;
 *     {@code null} to use {@code modelName}
 * @param useMlx whether mlx is tried at all
 * @param adapterPolicy what to do with a PEFT adapter on mlx
 * @param providers where the workers come from and how they work: interpreters, home, platforms, downloads, options.
 *     Its provider, fallback and models are ignored
 */
public record ModelConfig(
        String modelName,
        @Nullable String mlxModelPath,
        boolean useMlx,
        AdapterPolicy adapterPolicy,
        ProviderConfig providers) {

    /** Creates a builder for a model, with default values for everything else. */
    public static Builder builder(String modelName) {
        return builder(modelName, ProviderConfig.builder().build());
    }

    /** Creates a builder for a model whose workers use the given configuration. */
    public static Builder builder(String modelName, ProviderConfig providers) {
        return new Builder(modelName, providers);
    }

    /** Creates a builder with the values of this configuration. */
    public Builder toBuilder() {
        return builder(modelName, providers)
                .mlxModelPath(mlxModelPath)
                .useMlx(useMlx)
                .adapterPolicy(adapterPolicy);
    }

    /** Returns the options with which the workers load the model. */
    public LoadConfig options() {
        return providers.workers().model();
    }

    /** Builds a {@link ModelConfig}. Not thread-safe. */
    public static final class Builder {
        private final String modelName;
        private final ProviderConfig.Builder providers;
        private @Nullable String mlxModelPath;
        private boolean useMlx = true;
        private AdapterPolicy adapterPolicy = AdapterPolicy.CONVERT;

        private Builder(String modelName, ProviderConfig providers) {
            this.modelName = modelName;
            this.providers = providers.toBuilder();
        }

        /** Sets the model that mlx loads instead: a folder, or a hub id. Default: the same model. */
        public Builder mlxModelPath(@Nullable String mlxModelPath) {
            this.mlxModelPath = mlxModelPath;
            return this;
        }

        /** Sets whether mlx is tried at all. Default: true. */
        public Builder useMlx(boolean useMlx) {
            this.useMlx = useMlx;
            return this;
        }

        /** Sets what to do with a PEFT adapter on mlx. Default: convert it. */
        public Builder adapterPolicy(AdapterPolicy adapterPolicy) {
            this.adapterPolicy = adapterPolicy;
            return this;
        }

        /** Sets the options with which the workers load the model. Default: those of the worker configuration. */
        public Builder options(LoadConfig options) {
            providers.workers(workers -> workers.model(options));
            return this;
        }

        /**
         * Sets whether a hub model that isn't in the cache may be downloaded. Default: the value in the provider
         * configuration.
         */
        public Builder download(boolean download) {
            providers.download(download);
            return this;
        }

        /** Builds the configuration. */
        public ModelConfig build() {
            return new ModelConfig(modelName, mlxModelPath, useMlx, adapterPolicy, providers.build());
        }
    }
}
