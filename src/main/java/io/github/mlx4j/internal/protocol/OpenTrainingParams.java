package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.protocol.InitializeParams.ModelParams;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code openTraining}, which a worker gets in place of {@code initialize}.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 * @param hubToken the user's token of the hub, for a download, or {@code null}
 * @param options how to load it
 * @param training what is trained and how; {@code docs/protocol.md} has its fields
 */
public record OpenTrainingParams(
        ProtocolVersion protocol,
        ModelParams model,
        boolean download,
        @Nullable HubToken hubToken,
        Options options,
        JsonNode training) {

    /**
     * How to load a model; {@code null} is the worker's default.
     *
     * @param trustRemoteCode whether code of the model folder may run
     * @param memoryLimitBytes the most memory that the engine is to take
     * @param ranks how many processes share each batch
     * @param hosts a file of the machines that do
     * @param wiredLimit whether MLX may wire memory
     * @param device where transformers runs the model: auto, cuda, mps or cpu
     */
    public record Options(
            @Nullable Boolean trustRemoteCode,
            @Nullable Long memoryLimitBytes,
            @Nullable Integer ranks,
            @Nullable String hosts,
            @Nullable Boolean wiredLimit,
            @Nullable String device) {}
}
