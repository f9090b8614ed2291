package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code initialize}: what to load.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 * @param options what else to load and how, or {@code null} for every default
 * @param hubToken the user's token of the hub, for a download, or {@code null}
 */
public record InitializeParams(
        ProtocolVersion protocol,
        ModelParams model,
        boolean download,
        @Nullable Options options,
        @Nullable HubToken hubToken) {

    /**
     * A model.
     *
     * @param source a folder, or a hub id {@code org/name}
     * @param revision a branch, tag or commit of the hub, or {@code null} for the main branch
     */
    public record ModelParams(String source, @Nullable String revision) {}

    /**
     * What else to load and how; {@code null} is the worker's default.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model, in place of the one that an adapter or a DyLoRA-MoE names
     * @param expert the one expert of a DyLoRA-MoE that answers
     * @param dtype what the weights are turned into
     * @param actionHead a safetensors file with an action head
     * @param actionHeadSeed the seed of a fresh action head
     * @param trustRemoteCode whether code of the model folder may run
     * @param allowPickles whether pickled experts and routers may be read
     * @param memoryLimitBytes the most memory that the engine is to take
     * @param draftModel the folder or hub id of a draft model
     * @param draftTokens how many tokens the draft model is ahead
     * @param kvBits quantizes the KV cache
     * @param kvTokens bounds the KV cache
     * @param prefixCacheBytes the most that finished prompts and answers may take, 0 for nothing
     * @param ranks over how many processes the model is spread
     * @param hosts a file of the machines that it is spread over
     * @param wiredLimit whether MLX may wire memory
     * @param device where transformers runs the model: auto, cuda, mps or cpu
     * @param reranker what kind of reranker the model is, if its folder doesn't say so: qwen3
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable String dtype,
            @Nullable String actionHead,
            @Nullable Long actionHeadSeed,
            @Nullable Boolean trustRemoteCode,
            @Nullable Boolean allowPickles,
            @Nullable Long memoryLimitBytes,
            @Nullable String draftModel,
            @Nullable Integer draftTokens,
            @Nullable Integer kvBits,
            @Nullable Integer kvTokens,
            @Nullable Long prefixCacheBytes,
            @Nullable Integer ranks,
            @Nullable String hosts,
            @Nullable Boolean wiredLimit,
            @Nullable String device,
            @Nullable String reranker) {}

    /** For a model, with the current protocol version and every default. */
    public static InitializeParams of(String source, boolean download) {
        return new InitializeParams(ProtocolVersion.CURRENT, new ModelParams(source, null), download, null, null);
    }

    /** The same with options. */
    public InitializeParams with(Options options) {
        return new InitializeParams(protocol, model, download, options, hubToken);
    }

    /** The same with the user's token of the hub. */
    public InitializeParams with(@Nullable HubToken hubToken) {
        return new InitializeParams(protocol, model, download, options, hubToken);
    }
}
