package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code fuse}: a model and an adapter that becomes part of its weights.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 * @param hubToken the user's token of the hub, for a download, or {@code null}
 * @param folder the absolute path of the folder to write, which isn't there yet
 * @param reference the file that {@code reference} wrote for the same model, or {@code null}
 * @param options what is merged
 */
public record FuseParams(
        ProtocolVersion protocol,
        InitializeParams.ModelParams model,
        boolean download,
        @Nullable HubToken hubToken,
        String folder,
        @Nullable String reference,
        Options options) {

    /**
     * What is merged; {@code null} is the worker's default.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model, in place of the one that an adapter or a DyLoRA-MoE names
     * @param expert the expert of a DyLoRA-MoE
     * @param dequantize whether quantized weights become plain ones
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable Boolean dequantize) {}
}
