package io.github.mlx4j.model.registry;

import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The registry entry of a model. {@link MemoryEstimate#inference} calculates the memory it needs.
 *
 * @param id the hub id, {@code org/name}
 * @param provider the worker that can load it: {@code mlx} or {@code hf}
 * @param hfCounterpart the model that transformers loads instead, or {@code null} for none
 * @param family the human-readable name of the model
 * @param parameters the number of parameters
 * @param quantization the quantization of the weights, or {@code null} for none
 * @param dtype the data type of unquantized weights and of the KV cache: {@code bfloat16}, {@code float16},
 *     {@code float32}
 * @param contextLength the maximum number of prompt and completion tokens
 * @param architecture the dimensions; every layer keeps keys and values of all tokens
 * @param licence the licence as named by the hub
 * @param roles the roles that the model is suitable for
 * @param source where the information comes from
 * @param aliases alternative names of the model
 * @param verified when the information was checked against the hub, or {@code null} for never
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
     * The affine quantization of MLX, with a scale and a bias of 16 bits each per group of weights.
     *
     * @param bits the number of bits per weight, 2 to 8
     * @param groupSize the number of weights per group
     */
    public record Groups(int bits, int groupSize) {

        /** Checks the ranges of the values. */
        public Groups {
            check(bits >= 2 && bits <= 8, "bits is %d, but must be 2 to 8", bits);
            check(groupSize >= 16, "groupSize is %d, but must be 16 or more", groupSize);
        }

        /** Returns the bits per weight, including its share of the scale and bias. */
        public double bitsPerWeight() {
            return bits + 32.0 / groupSize;
        }
    }

    /**
     * A check of the information against the hub.
     *
     * @param date the date, such as {@code 2026-11-21}
     * @param revision the commit that was checked
     */
    public record Verified(String date, String revision) {

        /** Checks that both values are present. */
        public Verified {
            check(date != null && revision != null, "verified needs a date and a revision");
        }
    }

    /**
     * Checks the values and makes immutable copies. Missing optional values become {@code null} or empty, and a missing
     * dtype becomes bfloat16.
     */
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

    /** Returns the bits per weight, including the scales. */
    public double bitsPerWeight() {
        return quantization == null ? 8 * valueBytes() : quantization.bitsPerWeight();
    }

    /** Returns the bytes per unquantized value. */
    int valueBytes() {
        return dtype.equals("float32") ? 4 : 2;
    }

    private static void check(boolean right, String problem, @Nullable Object... about) {
        if (!right) {
            throw new IllegalArgumentException(problem.formatted(about));
        }
    }
}
