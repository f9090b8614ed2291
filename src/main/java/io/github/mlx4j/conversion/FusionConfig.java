package io.github.mlx4j.conversion;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of {@link ModelConverter#fuse}: the adapter to merge, and the model to merge it into.
 *
 * @param source a model, an adapter that names its base model, or a DyLoRA-MoE: a folder, or a hub id {@code org/name}
 * @param output the folder to write; it must not exist yet, but its parent must
 * @param adapter the folder of a LoRA adapter in the format of PEFT or mlx-lm; {@code null}, the default, if the source
 *     itself is an adapter or a DyLoRA-MoE
 * @param base the base model to use instead of the one that the source names; {@code null}, the default, uses the named
 *     one
 * @param expert the expert of a DyLoRA-MoE; {@code null}, the default, for any other source
 * @param dequantize whether to dequantize the layers of a quantized base model; with false, the default, the layers
 *     that the adapter changes are quantized again like the base
 * @param verifyWith whether the result is also compared with the source and its adapter on transformers; default
 *     {@code AUTO}
 */
public record FusionConfig(
        String source,
        Path output,
        @Nullable Path adapter,
        @Nullable String base,
        @Nullable String expert,
        boolean dequantize,
        VerifyWith verifyWith) {

    /** Returns a builder that uses the source's own adapter and base model. */
    public static Builder builder(String source, Path output) {
        return new Builder(source, output);
    }

    /** Returns a builder with the values of this configuration. */
    public Builder toBuilder() {
        return builder(source, output)
                .adapter(adapter)
                .base(base)
                .expert(expert)
                .dequantize(dequantize)
                .verifyWith(verifyWith);
    }

    /** Builds a {@link FusionConfig}, whose documentation lists the defaults. Not thread-safe. */
    public static final class Builder {
        private final String source;
        private final Path output;
        private @Nullable Path adapter;
        private @Nullable String base;
        private @Nullable String expert;
        private boolean dequantize;
        private VerifyWith verifyWith = VerifyWith.AUTO;

        private Builder(String source, Path output) {
            this.source = source;
            this.output = output;
        }

        /** Sets the folder of an adapter to merge into the source. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter;
            return this;
        }

        /** Sets the base model to use instead of the one that the source names. */
        public Builder base(@Nullable String base) {
            this.base = base;
            return this;
        }

        /** Sets the expert of a DyLoRA-MoE. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /** Sets whether to dequantize the layers of a quantized base model. */
        public Builder dequantize(boolean dequantize) {
            this.dequantize = dequantize;
            return this;
        }

        /** Sets whether the result is compared with transformers. */
        public Builder verifyWith(VerifyWith verifyWith) {
            this.verifyWith = verifyWith;
            return this;
        }

        /** Builds the configuration. */
        public FusionConfig build() {
            return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
        }
    }
}
