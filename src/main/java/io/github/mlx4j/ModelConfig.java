package io.github.mlx4j;

import io.github.mlx4j.config.LoadConfig;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link LocalModel} loads, and how. Immutable; {@link #builder(String)} makes one.
 *
 * @param modelName the model: a folder, or a hub id {@code org/name}
 * @param mlxModelPath what mlx loads in its place, such as a quantized form of it, or {@code null} for the same; a
 *     folder, or a hub id
 * @param useMlx whether mlx is tried at all
 * @param adapterPolicy what becomes of an adapter of PEFT on mlx
 * @param providers where the workers come from and how they work: interpreters, home, platforms, downloads, options.
 *     Its provider, fallback and models don't count
 */
public record ModelConfig(
        String modelName,
        @Nullable String mlxModelPath,
        boolean useMlx,
        AdapterPolicy adapterPolicy,
        ProviderConfig providers) {

    /** A builder for a model, with every default. */
    public static Builder builder(String modelName) {
        return builder(modelName, ProviderConfig.builder().build());
    }

    /** A builder for a model whose workers come from, and work, as a configuration says. */
    public static Builder builder(String modelName, ProviderConfig providers) {
        return new Builder(modelName, providers);
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return builder(modelName, providers)
                .mlxModelPath(mlxModelPath)
                .useMlx(useMlx)
                .adapterPolicy(adapterPolicy);
    }

    /** What the workers make of the model. */
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

        /** What mlx loads in place of the model: a folder, or a hub id. Default: the same. */
        public Builder mlxModelPath(@Nullable String mlxModelPath) {
            this.mlxModelPath = mlxModelPath;
            return this;
        }

        /** Whether mlx is tried at all. Default: yes. */
        public Builder useMlx(boolean useMlx) {
            this.useMlx = useMlx;
            return this;
        }

        /** What becomes of an adapter of PEFT on mlx. Default: it is converted. */
        public Builder adapterPolicy(AdapterPolicy adapterPolicy) {
            this.adapterPolicy = adapterPolicy;
            return this;
        }

        /** What the workers make of the model. Default: as the configuration of the workers says. */
        public Builder options(LoadConfig options) {
            providers.workers(workers -> workers.model(options));
            return this;
        }

        /** Whether a hub model that isn't in the cache may be downloaded. Default: as the configuration says. */
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
