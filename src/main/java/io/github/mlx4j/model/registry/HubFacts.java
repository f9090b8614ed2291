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
 * What the hub says of a model.
 *
 * @param revision the commit
 * @param bytes of the files that a worker needs
 * @param weightBytes of the weights
 * @param licence as the hub names it, or {@code null}
 * @param gated whether its terms have to be accepted first
 * @param architecture by its config, or {@code null}
 * @param quantization by its config, or {@code null}
 * @param contextLength by its config, or {@code null}
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

    /** What is added up may differ from the weights by so much: norms, and other things that aren't quantized. */
    private static final double TOLERANCE = 0.05;

    /** The same with a config.json, or without one ({@code null}). */
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

    /** Where the registry says otherwise, a line each for people; empty where it is right. */
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
