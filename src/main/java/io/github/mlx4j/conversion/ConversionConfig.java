package io.github.mlx4j.conversion;

import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What {@link ModelConverter#convert} makes of which model.
 *
 * @param source a model folder, or a hub id {@code org/name}
 * @param revision a branch, tag or commit of the hub id; {@code null}, the default, is its main branch
 * @param output the folder to write, which isn't there yet; the one above it is
 * @param dtype what the weights are turned into; {@code null}, the default, is as they are stored
 * @param quantization how they are quantized; {@code null}, the default, is not at all
 * @param recipe more bits for the layers that matter more, in place of {@code quantization}; {@code null}, the default,
 *     is none
 * @param recipeGroupSize how many values share a scale, with a recipe: 32, 64 (the default) or 128
 * @param dequantize whether quantized weights become plain ones; default no
 * @param verifyWith whether the result is also compared with the source on transformers; default {@code AUTO}
 */
public record ConversionConfig(
        String source,
        @Nullable String revision,
        Path output,
        @Nullable Dtype dtype,
        @Nullable Quantization quantization,
        @Nullable Recipe recipe,
        int recipeGroupSize,
        boolean dequantize,
        VerifyWith verifyWith) {

    /** mlx-lm's choices of bits for each layer: most layers have the first number, some the second. */
    public enum Recipe {
        MIXED_2_6,
        MIXED_3_4,
        MIXED_3_6,
        MIXED_4_6;

        /** The name as mlx-lm has it: {@code mixed_2_6}, …. */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Checks them.
     *
     * @throws ConfigurationException if two of quantization, recipe and dequantize are asked for, or the mode of the
     *     quantization has no such bits or groups
     */
    public ConversionConfig {
        if (quantization != null) {
            quantization.check();
        }
        if ((quantization == null ? 0 : 1) + (recipe == null ? 0 : 1) + (dequantize ? 1 : 0) > 1) {
            throw new ConfigurationException(
                    "Only one of quantization, recipe and dequantize can be set.", "Leave the others out.");
        }
    }

    /** Every weight as it is. */
    public static ConversionConfig of(String source, Path output) {
        return new ConversionConfig(source, null, output, null, null, null, 64, false, VerifyWith.AUTO);
    }

    /** The same from another revision of the hub. */
    public ConversionConfig withRevision(@Nullable String revision) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
    }

    /** The same with weights of another type; those that are quantized have scales of it. */
    public ConversionConfig withDtype(@Nullable Dtype dtype) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
    }

    /**
     * The same with quantized weights.
     *
     * @throws ConfigurationException if there is a recipe, or {@code dequantize}, or its mode has no such bits or
     *     groups
     */
    public ConversionConfig withQuantization(@Nullable Quantization quantization) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
    }

    /**
     * The same with more bits for some layers.
     *
     * @throws ConfigurationException if there is a quantization, or {@code dequantize}
     */
    public ConversionConfig withRecipe(@Nullable Recipe recipe, int groupSize) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, groupSize, dequantize, verifyWith);
    }

    /**
     * The same, with or without plain weights made of quantized ones.
     *
     * @throws ConfigurationException if there is a quantization or a recipe
     */
    public ConversionConfig withDequantize(boolean dequantize) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
    }

    /** The same, compared with transformers or not. */
    public ConversionConfig withVerifyWith(VerifyWith verifyWith) {
        return new ConversionConfig(
                source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
    }
}
