package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a worker makes of its model. Values are checked by the worker: one that it, or this model, can't have fails
 * every request with {@link io.github.mlx4j.error.ConfigurationException}.
 *
 * @param adapter the folder of a LoRA adapter, of PEFT for both workers, or of mlx-lm for the mlx worker; {@code null},
 *     the default, is none
 * @param base the base model, a folder or a hub id, in place of the one that the model names, where that is an adapter
 *     or a DyLoRA-MoE; {@code null}, the default, is the named one
 * @param expert the one expert of a DyLoRA-MoE that answers; {@code null}, the default, leaves it to the router of the
 *     hf worker; the mlx worker needs a name
 * @param dtype what the weights are turned into; {@code null}, the default, is as they are stored. Not for quantized
 *     ones
 * @param actionHead a safetensors file with an action head; {@code null}, the default, is none. The mlx worker can't
 *     have one
 * @param actionHeadSeed the seed of a freshly initialized, untrained action head, from 0; {@code null}, the default, is
 *     none. Not together with {@code actionHead}. The mlx worker can't have one
 * @param trustRemoteCode whether code of the model folder may run, where transformers has no such architecture; default
 *     no. The mlx worker never runs any, and is not told
 * @param allowPickles whether pickled experts and routers of a DyLoRA-MoE may be read, as plain weights; default no.
 *     The mlx worker never reads any, and is not told
 * @param memoryLimitBytes the most memory that the engine is to take; {@code null}, the default, is no limit. The hf
 *     worker can hold it on CUDA only
 * @param device where the hf worker runs the model; default {@link HfDevice#AUTO}. The mlx worker chooses its own
 *     device, and is not sent this
 * @param reranker what tells that the model is a reranker; default {@link RerankerKind#AUTO}
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

    /** Every default. */
    public static final LoadConfig DEFAULT = builder().build();

    /**
     * Checks what can't be used together.
     *
     * @throws ConfigurationException if there are both a file and a seed for the action head
     */
    public LoadConfig {
        if (actionHead != null && actionHeadSeed != null) {
            throw new ConfigurationException(
                    "actionHead and actionHeadSeed can't be used together.",
                    "Name the file of a trained head, or the seed of a fresh one.");
        }
    }

    /**
     * The options that hold for another model too: the permissions, the memory limit, the device and the kind of
     * reranker. The others belong to this model, and might not even fit another one.
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

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder with these values. */
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

    /** Builds a {@link LoadConfig}, whose documentation has the defaults. Not thread-safe. */
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

        /** The folder of a LoRA adapter. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter;
            return this;
        }

        /** The base model: a folder, or a hub id. */
        public Builder base(@Nullable String base) {
            this.base = base;
            return this;
        }

        /** The expert of a DyLoRA-MoE. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /** The type to convert the weights to. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** A safetensors file with an action head. */
        public Builder actionHead(@Nullable Path actionHead) {
            this.actionHead = actionHead;
            return this;
        }

        /** The seed of a freshly initialized action head. */
        public Builder actionHeadSeed(@Nullable Long actionHeadSeed) {
            this.actionHeadSeed = actionHeadSeed;
            return this;
        }

        /** Whether code from the model folder may run. */
        public Builder trustRemoteCode(boolean trustRemoteCode) {
            this.trustRemoteCode = trustRemoteCode;
            return this;
        }

        /** Whether pickled experts and routers may be read. */
        public Builder allowPickles(boolean allowPickles) {
            this.allowPickles = allowPickles;
            return this;
        }

        /** The maximum memory of the engine, in bytes. */
        public Builder memoryLimitBytes(@Nullable Long memoryLimitBytes) {
            this.memoryLimitBytes = memoryLimitBytes;
            return this;
        }

        /** The device of the hf worker. */
        public Builder device(HfDevice device) {
            this.device = device;
            return this;
        }

        /** How a reranker is recognized. */
        public Builder reranker(RerankerKind reranker) {
            this.reranker = reranker;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if there are both a file and a seed for the action head
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
