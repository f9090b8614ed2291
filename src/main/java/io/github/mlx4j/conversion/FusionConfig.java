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

    /** The source's own adapter and base. */
    public static FusionConfig of(String source, Path output) {
        return new FusionConfig(source, output, null, null, null, false, VerifyWith.AUTO);
    }

    /** The same with this adapter on the source. */
    public FusionConfig withAdapter(@Nullable Path adapter) {
        return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
    }

    /** The same with another base model. */
    public FusionConfig withBase(@Nullable String base) {
        return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
    }

    /** The same with this expert. */
    public FusionConfig withExpert(@Nullable String expert) {
        return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
    }

    /** The same, with or without plain weights made of quantized ones. */
    public FusionConfig withDequantize(boolean dequantize) {
        return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
    }

    /** The same, compared with transformers or not. */
    public FusionConfig withVerifyWith(VerifyWith verifyWith) {
        return new FusionConfig(source, output, adapter, base, expert, dequantize, verifyWith);
    }
}
