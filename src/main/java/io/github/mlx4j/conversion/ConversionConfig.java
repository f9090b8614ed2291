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

    /** A builder that keeps every weight as it is. */
    public static Builder builder(String source, Path output) {
        return new Builder(source, output);
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return builder(source, output)
                .revision(revision)
                .dtype(dtype)
                .quantization(quantization)
                .recipe(recipe, recipeGroupSize)
                .dequantize(dequantize)
                .verifyWith(verifyWith);
    }

    /** Builds a {@link ConversionConfig}, whose documentation has the defaults. Not thread-safe. */
    public static final class Builder {
        private final String source;
        private @Nullable String revision;
        private final Path output;
        private @Nullable Dtype dtype;
        private @Nullable Quantization quantization;
        private @Nullable Recipe recipe;
        private int recipeGroupSize = 64;
        private boolean dequantize;
        private VerifyWith verifyWith = VerifyWith.AUTO;

        private Builder(String source, Path output) {
            this.source = source;
            this.output = output;
        }

        /** A branch, tag or commit of the hub id. */
        public Builder revision(@Nullable String revision) {
            this.revision = revision;
            return this;
        }

        /** The type to convert the weights to; quantized weights have scales of this type. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** How the weights are quantized. */
        public Builder quantization(@Nullable Quantization quantization) {
            this.quantization = quantization;
            return this;
        }

        /**
         * Mixed bits, in place of a quantization.
         *
         * @param groupSize how many values share a scale: 32, 64 or 128
         */
        public Builder recipe(@Nullable Recipe recipe, int groupSize) {
            this.recipe = recipe;
            this.recipeGroupSize = groupSize;
            return this;
        }

        /** Whether to dequantize quantized weights. */
        public Builder dequantize(boolean dequantize) {
            this.dequantize = dequantize;
            return this;
        }

        /** Whether the result is compared with transformers. */
        public Builder verifyWith(VerifyWith verifyWith) {
            this.verifyWith = verifyWith;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if more than one of quantization, recipe and dequantize is set, or the mode of
         *     the quantization has no such bits or groups
         */
        public ConversionConfig build() {
            return new ConversionConfig(
                    source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
        }
    }
}
