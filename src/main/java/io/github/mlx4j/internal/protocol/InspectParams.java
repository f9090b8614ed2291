package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code inspect}: the model that a worker would load.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded; the answer then names it
 * @param options what else would be loaded
 */
public record InspectParams(
        ProtocolVersion protocol, InitializeParams.ModelParams model, boolean download, Options options) {

    /**
     * What else would be loaded; {@code null} is the worker's default.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model, in place of the one that an adapter or a DyLoRA-MoE names
     * @param expert the one expert of a DyLoRA-MoE that answers
     * @param allowPickles whether pickled experts and routers may be read
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable Boolean allowPickles) {}
}
