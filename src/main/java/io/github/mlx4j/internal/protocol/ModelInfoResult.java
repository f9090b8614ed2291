package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code modelInfo}.
 *
 * @param revision the commit
 * @param bytes of the files that a worker needs
 * @param weightBytes of the weights
 * @param licence as the hub names it, or {@code null}
 * @param gated whether its terms have to be accepted first
 * @param config its config.json, or {@code null}
 */
public record ModelInfoResult(
        String revision,
        long bytes,
        long weightBytes,
        @Nullable String licence,
        boolean gated,
        @Nullable JsonNode config) {
    /** There must be a revision. */
    public ModelInfoResult {
        Objects.requireNonNull(revision, "there is no revision");
    }
}
