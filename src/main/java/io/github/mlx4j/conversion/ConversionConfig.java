package io.github.mlx4j.conversion;

import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of {@link ModelConverter#convert}.
 *
 * @param source a model folder, or a hub id {@code org/name}
 * @param revision a branch, tag or commit of the hub id; {@code null}, the default, is its main branch
 * @param output the folder to write; it must not exist yet, but its parent must
 * @param dtype the data type to convert the weights to; {@code null}, the default, keeps the stored type
 * @param quantization how the weights are quantized; {@code null}, the default, means not at all
 * @param recipe a mixed-bit recipe that uses more bits for more important layers, instead of {@code quantization};
 *     {@code null}, the default, means none
 * @param recipeGroupSize with a recipe, how many values share a scale: 32, 64 (the default) or 128
 * @param dequantize whether to dequantize quantized weights; default false
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

    /** The mixed-bit recipes of mlx-lm: most layers use the first number of bits, some use the second. */
    public enum Recipe {
        MIXED_2_6,
        MIXED_3_4,
        MIXED_3_6,
        MIXED_4_6;

        /** Returns the name in mlx-lm, such as {@code mixed_2_6}. */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Checks the values.
     *
     * @throws ConfigurationException if more than one of quantization, recipe and dequantize is set, or the mode of the
     *     quantization doesn't support its bits or group size
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

    /** Returns a builder that keeps every weight as it is. */
    public static Builder builder(String source, Path output) {
        return new Builder(source, output);
    }

    /** Returns a builder with the values of this configuration. */
    public Builder toBuilder() {
        return builder(source, output)
                .revision(revision)
                .dtype(dtype)
                .quantization(quantization)
                .recipe(recipe, recipeGroupSize)
                .dequantize(dequantize)
                .verifyWith(verifyWith);
    }

    /** Builds a {@link ConversionConfig}, whose documentation lists the defaults. Not thread-safe. */
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

        /** Sets the branch, tag or commit of the hub id. */
        public Builder revision(@Nullable String revision) {
            this.revision = revision;
            return this;
        }

        /** Sets the data type to convert the weights to. It is also the type of quantized weights' scales. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** Sets how the weights are quantized. */
        public Builder quantization(@Nullable Quantization quantization) {
            this.quantization = quantization;
            return this;
        }

        /**
         * Sets a mixed-bit recipe, instead of a quantization.
         *
         * @param groupSize how many values share a scale: 32, 64 or 128
         */
        public Builder recipe(@Nullable Recipe recipe, int groupSize) {
            this.recipe = recipe;
            this.recipeGroupSize = groupSize;
            return this;
        }

        /** Sets whether to dequantize quantized weights. */
        public Builder dequantize(boolean dequantize) {
            this.dequantize = dequantize;
            return this;
        }

        /** Sets whether the result is compared with transformers. */
        public Builder verifyWith(VerifyWith verifyWith) {
            this.verifyWith = verifyWith;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if more than one of quantization, recipe and dequantize is set, or the mode of
         *     the quantization doesn't support its bits or group size
         */
        public ConversionConfig build() {
            return new ConversionConfig(
                    source, revision, output, dtype, quantization, recipe, recipeGroupSize, dequantize, verifyWith);
        }
    }
}
