package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code reference}: a model whose logits for the sample prompts of a conversion are written to a file.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 * @param hubToken the user's token of the hub, for a download, or {@code null}
 * @param file the absolute path of the file to write
 * @param options what is loaded with it
 */
public record ReferenceParams(
        ProtocolVersion protocol,
        InitializeParams.ModelParams model,
        boolean download,
        @Nullable HubToken hubToken,
        String file,
        Options options) {

    /**
     * What is loaded with the model.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model, in place of the one that an adapter or a DyLoRA-MoE names
     * @param expert the expert of a DyLoRA-MoE
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert) {

        /** The model alone. */
        public static final Options NONE = new Options(null, null, null);
    }
}
