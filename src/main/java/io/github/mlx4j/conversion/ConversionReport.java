package io.github.mlx4j.conversion;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a conversion or a fusion wrote, and how far it is from its source. Figures are always there; a model that is
 * further off than its {@link Change} allows was not written at all.
 *
 * @param folder the folder
 * @param source the folder with the weights that it was made of
 * @param adapter the adapter that was merged, if there was one
 * @param expert the expert of a DyLoRA-MoE that was merged, if there was one
 * @param dtype of its weights; of the scales, where they are quantized
 * @param quantization how they are quantized, or {@code null}; with a recipe, most of them
 * @param bytes of its weights
 * @param sourceBytes of the source's weights
 * @param tensors how many they are; each was read again and is what was to be written
 * @param bitsPerWeight with scales and all that is not quantized
 * @param unquantized layers that were to be quantized, and are not
 * @param verification how far it is from its source
 * @param warnings what the user should know
 */
public record ConversionReport(
        String folder,
        String source,
        @Nullable String adapter,
        @Nullable String expert,
        String dtype,
        @Nullable Quantization quantization,
        long bytes,
        long sourceBytes,
        int tensors,
        double bitsPerWeight,
        List<Unquantized> unquantized,
        Proof verification,
        List<String> warnings) {

    ConversionReport withNotCompared(@Nullable String why) {
        return new ConversionReport(
                folder,
                source,
                adapter,
                expert,
                dtype,
                quantization,
                bytes,
                sourceBytes,
                tensors,
                bitsPerWeight,
                unquantized,
                verification.withNotCompared(why),
                warnings);
    }

    /** A layer that is as it was, and why. */
    public record Unquantized(String name, String reason) {}

    /** What became of the weights. */
    public enum Change {
        /** Every value is the same. */
        SAME,
        /** Values were rounded to another type, or an adapter was merged into them. */
        ROUNDED,
        /** They were quantized. */
        QUANTIZED;

        /** The name as reports have it. */
        @JsonValue
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        @JsonCreator
        static Change of(String id) {
            return valueOf(id.toUpperCase(Locale.ROOT));
        }
    }

    /**
     * What source and written folder, which was loaded anew, computed for some sample prompts on mlx.
     *
     * @param prompts how many prompts
     * @param positions how many tokens they have together
     * @param maxDifference the largest absolute difference of two logits
     * @param relativeDifference the largest difference of two logits, relative to the range of the source's logits for
     *     the prompt
     * @param meanDifference the mean absolute difference
     * @param meanDivergence the mean Kullback-Leibler divergence of the next token's probabilities, in nats
     * @param argmaxAgreed at how many positions the likeliest next token is the same
     * @param greedyTokens how many tokens the source generated, the likeliest each time
     * @param greedyAgreed how many of them come before the first that differs
     * @param weights what became of the weights
     * @param bound what it must not exceed
     * @param mlxLmDifference the largest difference of two logits where mlx-lm alone loads the folder; {@code null}
     *     where it can't
     * @param transformers the comparison with transformers; {@code null} where there was none
     * @param notCompared why there was none; {@code null} where there was one
     */
    public record Proof(
            int prompts,
            int positions,
            double maxDifference,
            double relativeDifference,
            double meanDifference,
            double meanDivergence,
            int argmaxAgreed,
            int greedyTokens,
            int greedyAgreed,
            Change weights,
            Bound bound,
            @Nullable Double mlxLmDifference,
            @Nullable Transformers transformers,
            @Nullable String notCompared) {

        private Proof withNotCompared(@Nullable String why) {
            return new Proof(
                    prompts,
                    positions,
                    maxDifference,
                    relativeDifference,
                    meanDifference,
                    meanDivergence,
                    argmaxAgreed,
                    greedyTokens,
                    greedyAgreed,
                    weights,
                    bound,
                    mlxLmDifference,
                    transformers,
                    why);
        }
    }

    /**
     * What the source on transformers and the written folder on mlx computed for the same prompts.
     *
     * @param dtype what transformers computed in: {@code float32}, unless the memory or the weights don't allow it
     * @param prompts how many prompts
     * @param positions how many tokens they have together
     * @param maxDifference the largest absolute difference of two logits
     * @param relativeDifference the same, relative to the range of transformers' logits for the prompt
     * @param meanDivergence the mean Kullback-Leibler divergence of the next token's probabilities, in nats
     * @param argmaxAgreed at how many positions the most probable next token is the same
     * @param bound what it must not exceed
     * @param sourceDifference the largest relative difference between transformers and the source itself on mlx
     */
    public record Transformers(
            String dtype,
            int prompts,
            int positions,
            double maxDifference,
            double relativeDifference,
            double meanDivergence,
            int argmaxAgreed,
            Bound bound,
            double sourceDifference) {}

    /** The figure that decides, by its name, and the most that passes. */
    public record Bound(String of, double most) {}
}
