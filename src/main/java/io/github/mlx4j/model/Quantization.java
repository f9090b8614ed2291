package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import org.jspecify.annotations.Nullable;

/**
 * How weights are quantized.
 *
 * @param method {@code mlx}, or what transformers calls it: {@code gptq}, {@code awq}, {@code bitsandbytes} …
 * @param bits for a weight, or {@code null} where the config doesn't say; single layers may have others
 * @param groupSize how many weights share a scale, or {@code null} where the config doesn't say
 * @param mode of MLX: {@code affine}, {@code mxfp4}, {@code mxfp8}, {@code nvfp4}; else {@code null}
 */
public record Quantization(
        String method,
        @Nullable Integer bits,
        @Nullable Integer groupSize,
        @Nullable String mode) {

    public static @Nullable Quantization of(JsonNode config) {
        JsonNode mlx = config.path("quantization");
        if (mlx.isObject()) {
            String mode = mlx.path("mode").asText("affine");
            return new Quantization(
                    "mlx", ConfigJson.size(mlx, "bits"), ConfigJson.size(mlx, "group_size"), DisplayText.text(mode));
        }
        JsonNode other = byTransformers(config);
        return other.isObject()
                ? new Quantization(
                        DisplayText.text(other.path("quant_method").asText("unknown")),
                        ConfigJson.size(other, "bits"),
                        ConfigJson.size(other, "group_size"),
                        null)
                : null;
    }

    /** What transformers' tools wrote of it, in a part of the config or another. */
    static JsonNode byTransformers(JsonNode config) {
        JsonNode whole = config.path("quantization_config");
        return whole.isObject() ? whole : ConfigJson.text(config).path("quantization_config");
    }
}
