package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import org.jspecify.annotations.Nullable;

/** {@code convert}, {@code fuse} and {@code reference}, for a worker without a model. */
public final class Conversion {

    private Conversion() {}

    /**
     * The params.
     *
     * @param load the model and the options
     * @param folder of {@code convert} and {@code fuse}: the absolute path of the folder to write, which must not exist
     * @param reference of {@code convert} and {@code fuse}: the file that {@code reference} wrote for the same model,
     *     or {@code null}
     * @param file of {@code reference}: the absolute path of the file to write the model's logits for the sample
     *     prompts to
     */
    public record Params(
            @JsonUnwrapped Load.Params<Options> load,
            @Nullable String folder,
            @Nullable String reference,
            @Nullable String file) {}

    /**
     * The options of a conversion; {@code null} means the worker's default.
     *
     * @param adapter of {@code fuse} and {@code reference}: the folder of a LoRA adapter
     * @param base of {@code fuse} and {@code reference}: the base model to use instead of the one that an adapter or a
     *     DyLoRA-MoE names
     * @param expert of {@code fuse} and {@code reference}: the expert of a DyLoRA-MoE
     * @param dtype of {@code convert}: the type to convert the weights to
     * @param bits the number of bits of a quantized value
     * @param groupSize the number of values that share a scale
     * @param mode the quantization mode
     * @param recipe the name of a mixed-precision recipe, which assigns bits to each layer
     * @param dequantize of {@code convert} and {@code fuse}: whether quantized weights are dequantized
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable String dtype,
            @Nullable Integer bits,
            @Nullable Integer groupSize,
            @Nullable String mode,
            @Nullable String recipe,
            @Nullable Boolean dequantize) {

        /** Returns options that only specify what is loaded with the model. */
        public static Options loading(@Nullable String adapter, @Nullable String base, @Nullable String expert) {
            return new Options(adapter, base, expert, null, null, null, null, null, null);
        }

        /** Returns these options with {@code dequantize} set, or with the worker's default if it is false. */
        public Options dequantized(boolean dequantize) {
            return new Options(adapter, base, expert, dtype, bits, groupSize, mode, recipe, dequantize ? true : null);
        }
    }

    /**
     * The result of {@code reference}.
     *
     * @param file the file that was written
     * @param prompts the number of prompts in it
     * @param dtype the type of the computation
     */
    public record Reference(String file, int prompts, String dtype) {}
}
