package io.github.mlx4j.model.registry;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.model.Quantization;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Information about a model on the hub.
 *
 * @param revision the commit
 * @param bytes the size of the files that a worker needs
 * @param weightBytes the size of the weights in bytes
 * @param licence the licence as named by the hub, or {@code null}
 * @param gated whether the terms of use must be accepted first
 * @param architecture the dimensions from the config, or {@code null}
 * @param quantization the quantization from the config, or {@code null}
 * @param contextLength the context length from the config, or {@code null}
 */
public record HubFacts(
        String revision,
        long bytes,
        long weightBytes,
        @Nullable String licence,
        boolean gated,
        @Nullable Architecture architecture,
        @Nullable Quantization quantization,
        @Nullable Integer contextLength) {

    /**
     * The tolerated relative difference between the calculated and the actual weight size: norms, for example, aren't
     * quantized.
     */
    private static final double TOLERANCE = 0.05;

    /** Creates an instance with the values from a config.json, which may be {@code null}. */
    public static HubFacts of(
            String revision,
            long bytes,
            long weightBytes,
            @Nullable String licence,
            boolean gated,
            @Nullable JsonNode config) {
        JsonNode object = config != null && config.isObject() ? config : null;
        return new HubFacts(
                revision,
                bytes,
                weightBytes,
                licence,
                gated,
                object == null ? null : Architecture.of(object),
                object == null ? null : Quantization.of(object),
                object == null ? null : ConfigJson.contextLength(object));
    }

    /** Returns the differences from the registry, one human-readable line each; empty if there are none. */
    public List<String> differences(RegisteredModel listed) {
        List<String> differences = new ArrayList<>();
        compare(differences, "licence", listed.licence(), licence);
        compare(differences, "contextLength", listed.contextLength(), contextLength);
        compare(differences, "architecture", listed.architecture(), architecture);
        RegisteredModel.Groups groups = listed.quantization();
        compare(
                differences,
                "quantization",
                groups == null ? "none" : "%d bits in groups of %d".formatted(groups.bits(), groups.groupSize()),
                quantization == null
                        ? "none"
                        : "%s bits in groups of %s".formatted(quantization.bits(), quantization.groupSize()));
        long expected = MemoryEstimate.inference(listed, 1).parts().get(0).bytes();
        if (Math.abs(weightBytes - expected) > TOLERANCE * expected) {
            differences.add("weights: the registry's parameters make %s, the hub has %s"
                    .formatted(ByteText.text(expected), ByteText.text(weightBytes)));
        }
        return differences;
    }

    private static void compare(List<String> differences, String what, Object listed, @Nullable Object hub) {
        if (!Objects.equals(listed, hub)) {
            differences.add(
                    "%s: the registry says %s, the hub %s".formatted(what, listed, hub == null ? "nothing" : hub));
        }
    }
}
