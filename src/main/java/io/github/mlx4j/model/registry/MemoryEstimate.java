package io.github.mlx4j.model.registry;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.model.KvCache;
import io.github.mlx4j.model.ModelInspection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Calculates the memory needed for inference or training.
 *
 * <ul>
 *   <li>Inference: the weights, and the KV cache of each row. The memory of the library itself (several hundred MB) is
 *       not included.
 *   <li>LoRA, QLoRA, DoRA: the weights; for each trained parameter its value, gradient and optimizer state, in float32;
 *       activations.
 *   <li>Full training: the same for every parameter, in the data type of the weights; activations.
 * </ul>
 *
 * <p>The size of the activations is a conservative estimate that assumes attention without fused kernels.
 *
 * @param parts the parts of the sum
 */
public record MemoryEstimate(List<Part> parts) {

    private static final int TRAINED_BYTES = 4; // per float32 value; both engines keep trained parameters in float32
    private static final String NOT_HERE = "the base model is not in a folder here";
    private static final double QLORA_BITS = 4 + 32.0 / 64; // a float16 scale and bias per group of 64

    /** Makes an immutable copy of the parts. */
    public MemoryEstimate {
        parts = List.copyOf(parts);
    }

    /**
     * A part of the sum.
     *
     * @param name the name of the part
     * @param bytes the size in bytes, as far as it is known
     * @param known whether the size is completely known
     * @param arithmetic the calculation, in human-readable form
     */
    public record Part(String name, long bytes, boolean known, String arithmetic) {

        private static Part known(String name, long bytes, String arithmetic) {
            return new Part(name, bytes, true, arithmetic);
        }

        private static Part unknown(String name, String why) {
            return new Part(name, 0, false, "not known: " + why);
        }
    }

    /** Returns whether all parts are known. If not, at least {@link #bytes()} are needed. */
    public boolean complete() {
        return parts.stream().allMatch(Part::known);
    }

    /** Returns whether the total fits into the available bytes; empty if the known parts fit but others are unknown. */
    public Optional<Boolean> fits(long available) {
        boolean fits = bytes() <= available;
        return fits && !complete() ? Optional.empty() : Optional.of(fits);
    }

    /** Returns the sum of the known parts, in bytes. */
    public long bytes() {
        long sum = 0;
        for (Part part : parts) {
            sum = plus(sum, part.bytes());
        }
        return sum;
    }

    /** Returns the calculation in human-readable form: {@code weights 2.2 GB (…) + KV cache 1.6 GB (…) = 3.8 GB}. */
    public String explain() {
        return parts.stream()
                        .map(part ->
                                "%s %s (%s)".formatted(part.name(), ByteText.text(part.bytes()), part.arithmetic()))
                        .collect(Collectors.joining(" + "))
                + (complete() ? " = " : " = at least ")
                + ByteText.text(bytes());
    }

    /**
     * Estimates the memory for generating text. For an adapter, this includes its base model if that is a local folder.
     *
     * @param tokens the number of prompt and completion tokens in each row
     * @param rows the number of requests that run at the same time
     */
    public static MemoryEstimate inference(ModelInspection model, long tokens, int rows) {
        List<Part> parts = allWeights(model);
        if (isEncoder(model)) {
            return new MemoryEstimate(parts);
        }
        ModelInspection whole = model.whole().orElse(null);
        KvCache cache = whole == null ? null : whole.kvCache();
        String note = whole == null ? NOT_HERE : whole.kvCacheNote();
        parts.add(
                cache == null
                        ? Part.unknown("KV cache", note)
                        : Part.known(
                                "KV cache",
                                times(cache.bytes(tokens), rows),
                                "%d × %d tokens × %s".formatted(rows, tokens, cache.explanation())
                                        + (note.isEmpty() ? "" : "; " + note)));
        return new MemoryEstimate(parts);
    }

    /**
     * Estimates the memory for generating text in a single row with a model of the registry: its weights, and a KV
     * cache for this number of tokens.
     */
    public static MemoryEstimate inference(RegisteredModel model, int tokens) {
        KvCache cache = KvCache.plain(model.architecture(), model.valueBytes());
        return new MemoryEstimate(List.of(
                Part.known(
                        "weights",
                        Math.round(model.parameters() * model.bitsPerWeight() / 8),
                        "%,d parameters × %.1f bits".formatted(model.parameters(), model.bitsPerWeight())),
                Part.known("KV cache", cache.bytes(tokens), "%d tokens × %s".formatted(tokens, cache.explanation()))));
    }

    /** Estimates the memory for generating text in a single row with the full context length from the config. */
    public static MemoryEstimate fullContext(ModelInspection model) {
        Integer context = model.whole().map(ModelInspection::contextLength).orElse(null);
        if (context != null || isEncoder(model)) {
            return inference(model, context == null ? 0 : context, 1);
        }
        List<Part> parts = allWeights(model);
        parts.add(Part.unknown(
                "KV cache", model.whole().isEmpty() ? NOT_HERE : "the config doesn't say how long the context is"));
        return new MemoryEstimate(parts);
    }

    /** Estimates the memory for training. Parts that don't depend on the batch come first, activations last. */
    public static MemoryEstimate training(ModelInspection model, TrainingNeed need) {
        List<Part> parts = new ArrayList<>();
        ModelInspection whole = model.whole().orElse(null);
        Long all = whole == null ? null : whole.parameters();
        Integer bytes = need.weightBytes();
        int weightBytes = bytes != null ? bytes : whole == null ? 2 : valueBytes(whole);
        if (need.kind() == TrainingKind.FULL) {
            parts.add(
                    all == null
                            ? Part.unknown("parameters", whole == null ? NOT_HERE : "how many there are")
                            : trained("parameters", all, need.optimizerValues()));
            if (all != null && weightBytes < TRAINED_BYTES) { // kept in addition to the float32 master weights
                parts.add(Part.known(
                        "weights", times(all, weightBytes), "%,d parameters × %d bytes".formatted(all, weightBytes)));
            }
        } else {
            Long plain = whole != null && whole.quantization() == null ? all : null;
            if (plain != null && need.kind() == TrainingKind.QLORA) {
                parts.add(Part.known(
                        "weights",
                        Math.round(plain * QLORA_BITS / 8),
                        "%,d parameters × %.1f bits, once quantized".formatted(plain, QLORA_BITS)));
            } else if (plain != null && bytes != null) {
                parts.add(Part.known(
                        "weights", times(plain, bytes), "%,d parameters × %d bytes".formatted(plain, bytes)));
            } else {
                parts.add(weights("weights", whole));
            }
            parts.add(trained("trained parameters", need.trained(), need.optimizerValues()));
        }
        parts.add(activations(whole, need, weightBytes));
        return new MemoryEstimate(parts);
    }

    /** Returns the bytes per unquantized value: 4 if most of the weights are float32, otherwise 2. */
    private static int valueBytes(ModelInspection model) {
        return model.dtype().filter("F32"::equals).isPresent() ? 4 : 2;
    }

    private static boolean isEncoder(ModelInspection model) {
        return model.whole()
                .map(ModelInspection::kvCache)
                .filter(KvCache::isNone)
                .isPresent();
    }

    /** Returns the weights of the folder and of its base model. */
    private static List<Part> allWeights(ModelInspection model) {
        List<Part> parts = new ArrayList<>(List.of(weights("weights", model)));
        ModelInspection whole = model.whole().orElse(null);
        if (whole != model) {
            parts.add(weights("base model", whole));
        }
        return parts;
    }

    private static Part weights(String name, @Nullable ModelInspection model) {
        if (model == null) {
            return Part.unknown(name, NOT_HERE);
        }
        return model.tensors() == 0
                ? Part.unknown(name, "there are none that can be read")
                : Part.known(name, model.weightBytes(), "the bytes of %,d tensors".formatted(model.tensors()));
    }

    private static Part trained(String name, long count, int optimizerValues) {
        int each = TRAINED_BYTES * (2 + optimizerValues);
        return Part.known(
                name,
                times(count, each),
                "%,d × %d bytes: %d itself, %3$d gradient, %4$d optimizer"
                        .formatted(count, each, TRAINED_BYTES, TRAINED_BYTES * optimizerValues));
    }

    /**
     * Estimates the activations according to Korthikanti and others, "Reducing Activation Recomputation in Large
     * Transformer Models" (2022): in 16 bits, a layer keeps s·b·h·(34 + 5·a·s/h) bytes (equation 1). With
     * recomputation, each layer keeps its input of 2·s·b·h bytes, and only one layer at a time has its activations and
     * their gradients. The logits and their gradient are in float32.
     */
    private static Part activations(@Nullable ModelInspection model, TrainingNeed need, int valueBytes) {
        Architecture sizes = model == null ? null : model.architecture();
        if (sizes == null) {
            return Part.unknown("activations", model == null ? NOT_HERE : "the config doesn't give the sizes");
        }
        long tokens = times(need.batch(), need.sequence());
        int wide = valueBytes / 2; // in units of 16 bits
        long layer = times(tokens, wide, plus(times(34, sizes.hiddenSize()), times(5, sizes.heads(), need.sequence())));
        long layers = need.gradientCheckpointing()
                ? plus(times(2, layer), times(sizes.layers(), tokens, 2, wide, sizes.hiddenSize()))
                : times(sizes.layers(), layer);
        long vocabulary = sizes.vocabularySize() == null ? 0 : sizes.vocabularySize();
        String oneLayer = "%d × %d tokens × %d × (34 × %d + 5 × %d heads × %2$d)"
                .formatted(need.batch(), need.sequence(), wide, sizes.hiddenSize(), sizes.heads());
        return new Part(
                "activations",
                plus(layers, times(tokens, vocabulary, 8)),
                sizes.vocabularySize() != null,
                "an estimate: %s + logits %d × %d × %d × 8"
                        .formatted(
                                need.gradientCheckpointing()
                                        ? "one layer's 2 × %s + %d layers × %d × %d tokens × %d × %d"
                                                .formatted(
                                                        oneLayer,
                                                        sizes.layers(),
                                                        need.batch(),
                                                        need.sequence(),
                                                        2 * wide,
                                                        sizes.hiddenSize())
                                        : sizes.layers() + " layers × " + oneLayer,
                                need.batch(),
                                need.sequence(),
                                vocabulary));
    }

    private static long plus(long one, long other) {
        return one > Long.MAX_VALUE - other ? Long.MAX_VALUE : one + other;
    }

    /** Returns the product, or {@link Long#MAX_VALUE} on overflow. */
    private static long times(long... factors) {
        long product = 1;
        try {
            for (long factor : factors) {
                product = Math.multiplyExact(product, factor);
            }
            return product;
        } catch (ArithmeticException tooMuch) {
            return Long.MAX_VALUE;
        }
    }
}
