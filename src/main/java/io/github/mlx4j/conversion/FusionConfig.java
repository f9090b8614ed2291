package io.github.mlx4j.conversion;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Which adapter {@link ModelConverter#fuse} merges into which model.
 *
 * @param source a model, an adapter that names its base model, or a DyLoRA-MoE: a folder, or a hub id {@code org/name}
 * @param output the folder to write, which isn't there yet; the one above it is
 * @param adapter the folder of a LoRA adapter, of PEFT or of mlx-lm; {@code null}, the default, where the source is one
 *     itself or a DyLoRA-MoE
 * @param base the base model in place of the one that the source names; {@code null}, the default, is the named one
 * @param expert the expert of a DyLoRA-MoE; {@code null}, the default, for anything else
 * @param dequantize whether the layers of a quantized base model become plain ones; default no: those that the adapter
 *     changes are quantized again like the base
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

    /** A builder that takes the source's own adapter and base. */
    public static Builder builder(String source, Path output) {
        return new Builder(source, output);
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return builder(source, output)
                .adapter(adapter)
                .base(base)
                .expert(expert)
                .dequantize(dequantize)
                .verifyWith(verifyWith);
    }

    /** Builds a {@link FusionConfig}, whose documentation has the defaults. Not thread-safe. */
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

        /** The folder of an adapter to merge into the source. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter;
            return this;
        }

        /** The base model, in place of the one that the source names. */
        public Builder base(@Nullable String base) {
            this.base = base;
            return this;
        }

        /** The expert of a DyLoRA-MoE. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /** Whether to dequantize the layers of a quantized base model. */
        public Builder dequantize(boolean dequantize) {
            this.dequantize = dequantize;
            return this;
        }

        /** Whether the result is compared with transformers. */
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
