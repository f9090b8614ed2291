package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code inspect}: what is known of a model that would be loaded.
 *
 * @param capabilities what it could do, such as {@code rerank}
 * @param embeddings how it would make vectors, {@code null} if it couldn't
 * @param warnings what the user should know about the load
 * @param packages versions of the engine's packages
 */
public record InspectResult(
        List<String> capabilities,
        @Nullable ModelEmbeddings embeddings,
        List<String> warnings,
        Map<String, String> packages) {

    /** A worker of another minor version may leave some of it out. */
    public InspectResult {
        capabilities = Objects.requireNonNullElse(capabilities, List.of());
        warnings = Objects.requireNonNullElse(warnings, List.of());
        packages = Objects.requireNonNullElse(packages, Map.of());
    }
}
