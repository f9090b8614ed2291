package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import org.jspecify.annotations.Nullable;

/**
 * How weights are quantized.
 *
 * @param method {@code mlx}, or the name that transformers uses: {@code gptq}, {@code awq}, {@code bitsandbytes} …
 * @param bits the number of bits per weight, or {@code null} if the config doesn't say; individual layers may differ
 * @param groupSize the number of weights that share a scale, or {@code null} if the config doesn't say
 * @param mode the mode of MLX: {@code affine}, {@code mxfp4}, {@code mxfp8} or {@code nvfp4}; {@code null} for other
 *     methods
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

    /**
     * Returns the quantization config written by transformers tools, which is either at the top level or in the text
     * config.
     */
    static JsonNode byTransformers(JsonNode config) {
        JsonNode whole = config.path("quantization_config");
        return whole.isObject() ? whole : ConfigJson.text(config).path("quantization_config");
    }
}
