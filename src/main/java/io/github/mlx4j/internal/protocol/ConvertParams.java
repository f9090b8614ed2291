package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code convert}: a model, and what is made of it.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 * @param hubToken the user's token of the hub, for a download, or {@code null}
 * @param folder the absolute path of the folder to write, which isn't there yet
 * @param reference the file that {@code reference} wrote for the same model, or {@code null}
 * @param options what is made of it
 */
public record ConvertParams(
        ProtocolVersion protocol,
        InitializeParams.ModelParams model,
        boolean download,
        @Nullable HubToken hubToken,
        String folder,
        @Nullable String reference,
        Options options) {

    /**
     * What is made of it; {@code null} is the worker's default.
     *
     * @param dtype what the weights are turned into
     * @param bits of a quantized value
     * @param groupSize how many values share a scale
     * @param mode of the quantization
     * @param recipe the name of a choice of bits for each layer
     * @param dequantize whether quantized weights become plain ones
     */
    public record Options(
            @Nullable String dtype,
            @Nullable Integer bits,
            @Nullable Integer groupSize,
            @Nullable String mode,
            @Nullable String recipe,
            @Nullable Boolean dequantize) {}
}
