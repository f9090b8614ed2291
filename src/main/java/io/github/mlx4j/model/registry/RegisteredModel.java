package io.github.mlx4j.model.registry;

import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the registry knows of a model. What it takes in memory is computed from it: {@link MemoryEstimate#inference}.
 *
 * @param id the hub id, {@code org/name}
 * @param provider the worker that it is for: {@code mlx} or {@code hf}
 * @param hfCounterpart the model that transformers loads in its place, or {@code null} for none
 * @param family what it is called by people
 * @param parameters how many it has
 * @param quantization of the weights, or {@code null} for none
 * @param dtype of weights that aren't quantized, and of the KV cache: {@code bfloat16}, {@code float16},
 *     {@code float32}
 * @param contextLength tokens of prompt and answer together
 * @param architecture its sizes; every layer keeps keys and values of each token
 * @param licence as the hub names it
 * @param roles what it is good for
 * @param source where these facts come from
 * @param aliases other names by which it may be asked for
 * @param verified when the hub was asked whether all this is so, or {@code null} for never
 */
public record RegisteredModel(
        String id,
        ProviderKind provider,
        @Nullable String hfCounterpart,
        String family,
        long parameters,
        @Nullable Groups quantization,
        String dtype,
        int contextLength,
        Architecture architecture,
        String licence,
        Set<ModelRole> roles,
        String source,
        List<String> aliases,
        @Nullable Verified verified) {

    private static final Set<String> DTYPES = Set.of("bfloat16", "float16", "float32");

    /**
     * MLX's affine quantization: a scale and a bias of 16 bits each for a group of weights.
     *
     * @param bits of a weight, 2 to 8
     * @param groupSize weights of a group
     */
    public record Groups(int bits, int groupSize) {

        /** The numbers must be possible. */
        public Groups {
            check(bits >= 2 && bits <= 8, "bits is %d, but must be 2 to 8", bits);
            check(groupSize >= 16, "groupSize is %d, but must be 16 or more", groupSize);
        }

        /** Bits of a weight with its share of scale and bias. */
        public double bitsPerWeight() {
            return bits + 32.0 / groupSize;
        }
    }

    /**
     * That the hub was asked.
     *
     * @param date when, such as {@code 2026-11-21}
     * @param revision the commit that the facts are of
     */
    public record Verified(String date, String revision) {

        /** There must be both. */
        public Verified {
            check(date != null && revision != null, "verified needs a date and a revision");
        }
    }

    /** Checks it and takes immutable copies; what may be left out is {@code null} or empty, and dtype bfloat16. */
    public RegisteredModel {
        check(id != null && id.matches("[\\w.-]+/[\\w.-]+"), "id is %s, but must be a hub id: org/name", id);
        check(provider == ProviderKind.MLX || provider == ProviderKind.HF, "provider of %s must be mlx or hf", id);
        check(parameters >= 1, "parameters of %s is %d, but must be 1 or more", id, parameters);
        check(contextLength >= 1, "contextLength of %s is %d, but must be 1 or more", id, contextLength);
        check(architecture != null, "%s has no architecture", id);
        check(
                Math.min(architecture.layers(), Math.min(architecture.keyValueHeads(), architecture.headSize())) >= 1,
                "architecture of %s needs layers, keyValueHeads and headSize of 1 or more",
                id);
        dtype = Objects.requireNonNullElse(dtype, "bfloat16");
        check(DTYPES.contains(dtype), "dtype of %s is %s, but must be bfloat16, float16 or float32", id, dtype);
        family = Objects.requireNonNullElse(family, id);
        licence = Objects.requireNonNullElse(licence, "unknown");
        roles = Set.copyOf(Objects.requireNonNullElse(roles, Set.of()));
        source = Objects.requireNonNullElse(source, "");
        aliases = List.copyOf(Objects.requireNonNullElse(aliases, List.of()));
    }

    /** Bits of a weight, with its share of scales. */
    public double bitsPerWeight() {
        return quantization == null ? 8 * valueBytes() : quantization.bitsPerWeight();
    }

    /** Bytes of a value that isn't quantized. */
    int valueBytes() {
        return dtype.equals("float32") ? 4 : 2;
    }

    private static void check(boolean right, String problem, @Nullable Object... about) {
        if (!right) {
            throw new IllegalArgumentException(problem.formatted(about));
        }
    }
}
