package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The options with which a worker loads its model. The worker validates the values: if it or the model doesn't support
 * a value, every request fails with {@link io.github.mlx4j.error.ConfigurationException}.
 *
 * @param adapter the folder of a LoRA adapter, in PEFT format for both workers or in mlx-lm format for the mlx worker;
 *     {@code null} (the default) for none
 * @param base the base model, a folder or a hub id, for a model that is an adapter or a DyLoRA-MoE; {@code null} (the
 *     default) for the base model that it names
 * @param expert the single expert of a DyLoRA-MoE to use; {@code null} (the default) lets the router of the hf worker
 *     choose. The mlx worker requires an expert
 * @param dtype the type to convert the weights to; {@code null} (the default) keeps the stored type. Not supported for
 *     quantized weights
 * @param actionHead a safetensors file with an action head; {@code null} (the default) for none. Not supported by the
 *     mlx worker
 * @param actionHeadSeed the seed of a freshly initialized, untrained action head, 0 or greater; {@code null} (the
 *     default) for none. Can't be combined with {@code actionHead}. Not supported by the mlx worker
 * @param trustRemoteCode whether code in the model folder may run if transformers doesn't have the architecture;
 *     default {@code false}. The mlx worker never runs such code, and does not receive this option
 * @param allowPickles whether pickled experts and routers of a DyLoRA-MoE may be read, as plain weights; default
 *     {@code false}. The mlx worker never reads pickles, and does not receive this option
 * @param memoryLimitBytes the maximum memory of the engine, in bytes; {@code null} (the default) for no limit. The hf
 *     worker can enforce it only on CUDA
 * @param device the device on which the hf worker runs the model; default {@link HfDevice#AUTO}. The mlx worker chooses
 *     its own device, and does not receive this option
 * @param reranker how a reranker is recognized; default {@link RerankerKind#AUTO}
 */
public record LoadConfig(
        @Nullable Path adapter,
        @Nullable String base,
        @Nullable String expert,
        @Nullable Dtype dtype,
        @Nullable Path actionHead,
        @Nullable Long actionHeadSeed,
        boolean trustRemoteCode,
        boolean allowPickles,
        @Nullable Long memoryLimitBytes,
        HfDevice device,
        RerankerKind reranker) {

    /** The options with default values. */
    public static final LoadConfig DEFAULT = builder().build();

    /**
     * Checks for options that can't be combined.
     *
     * @throws ConfigurationException if both a file and a seed are given for the action head
     */
    public LoadConfig {
        if (actionHead != null && actionHeadSeed != null) {
            throw new ConfigurationException(
                    "actionHead and actionHeadSeed can't be used together.",
                    "Set actionHead to use a trained head, or actionHeadSeed to initialize a new one.");
        }
    }

    /**
     * Returns the options that also apply to a different model: the permissions, the memory limit, the device and the
     * kind of reranker. The other options are specific to this model and may not fit another one.
     */
    public LoadConfig forAnotherModel() {
        return builder()
                .trustRemoteCode(trustRemoteCode)
                .allowPickles(allowPickles)
                .memoryLimitBytes(memoryLimitBytes)
                .device(device)
                .reranker(reranker)
                .build();
    }

    /** Creates a builder with default values. */
    public static Builder builder() {
        return new Builder();
    }

    /** Creates a builder with these values. */
    public Builder toBuilder() {
        return new Builder()
                .adapter(adapter)
                .base(base)
                .expert(expert)
                .dtype(dtype)
                .actionHead(actionHead)
                .actionHeadSeed(actionHeadSeed)
                .trustRemoteCode(trustRemoteCode)
                .allowPickles(allowPickles)
                .memoryLimitBytes(memoryLimitBytes)
                .device(device)
                .reranker(reranker);
    }

    /** Builds a {@link LoadConfig}; see there for the defaults. Not thread-safe. */
    public static final class Builder {
        private @Nullable Path adapter;
        private @Nullable String base;
        private @Nullable String expert;
        private @Nullable Dtype dtype;
        private @Nullable Path actionHead;
        private @Nullable Long actionHeadSeed;
        private boolean trustRemoteCode;
        private boolean allowPickles;
        private @Nullable Long memoryLimitBytes;
        private HfDevice device = HfDevice.AUTO;
        private RerankerKind reranker = RerankerKind.AUTO;

        private Builder() {}

        /** Sets the folder of a LoRA adapter. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter;
            return this;
        }

        /** Sets the base model: a folder, or a hub id. */
        public Builder base(@Nullable String base) {
            this.base = base;
            return this;
        }

        /** Sets the expert of a DyLoRA-MoE. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /** Sets the type to convert the weights to. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** Sets the safetensors file of an action head. */
        public Builder actionHead(@Nullable Path actionHead) {
            this.actionHead = actionHead;
            return this;
        }

        /** Sets the seed of a freshly initialized action head. */
        public Builder actionHeadSeed(@Nullable Long actionHeadSeed) {
            this.actionHeadSeed = actionHeadSeed;
            return this;
        }

        /** Sets whether code from the model folder may run. */
        public Builder trustRemoteCode(boolean trustRemoteCode) {
            this.trustRemoteCode = trustRemoteCode;
            return this;
        }

        /** Sets whether pickled experts and routers may be read. */
        public Builder allowPickles(boolean allowPickles) {
            this.allowPickles = allowPickles;
            return this;
        }

        /** Sets the maximum memory of the engine, in bytes. */
        public Builder memoryLimitBytes(@Nullable Long memoryLimitBytes) {
            this.memoryLimitBytes = memoryLimitBytes;
            return this;
        }

        /** Sets the device of the hf worker. */
        public Builder device(HfDevice device) {
            this.device = device;
            return this;
        }

        /** Sets how a reranker is recognized. */
        public Builder reranker(RerankerKind reranker) {
            this.reranker = reranker;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if both a file and a seed are given for the action head
         */
        public LoadConfig build() {
            return new LoadConfig(
                    adapter,
                    base,
                    expert,
                    dtype,
                    actionHead,
                    actionHeadSeed,
                    trustRemoteCode,
                    allowPickles,
                    memoryLimitBytes,
                    device,
                    reranker);
        }
    }
}
