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
    public static final LoadConfig DEFAULT =
            new LoadConfig(null, null, null, null, null, null, false, false, null, HfDevice.AUTO, RerankerKind.AUTO);

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
        return new LoadConfig(
                null, null, null, null, null, null, trustRemoteCode, allowPickles, memoryLimitBytes, device, reranker);
    }

    /** The same with an adapter, or without. */
    public LoadConfig withAdapter(@Nullable Path adapter) {
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

    /** The same with another base model. */
    public LoadConfig withBase(String base) {
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

    /** The same with one expert. */
    public LoadConfig withExpert(String expert) {
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

    /** The same with weights of another type. */
    public LoadConfig withDtype(Dtype dtype) {
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

    /** The same with an action head, or without. */
    public LoadConfig withActionHead(@Nullable Path actionHead) {
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

    /** The same with a fresh action head, the same for the same seed, or without. */
    public LoadConfig withActionHeadSeed(@Nullable Long actionHeadSeed) {
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

    /** The same, with or without trust in code of the model folder. */
    public LoadConfig withTrustRemoteCode(boolean trustRemoteCode) {
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

    /** The same, with or without pickled experts. */
    public LoadConfig withAllowPickles(boolean allowPickles) {
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

    /** The same with a limit of memory, in bytes. */
    public LoadConfig withMemoryLimitBytes(long memoryLimitBytes) {
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

    /** The same on another device of the hf worker. */
    public LoadConfig withDevice(HfDevice device) {
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

    /** The same as another kind of reranker. */
    public LoadConfig withReranker(RerankerKind reranker) {
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
