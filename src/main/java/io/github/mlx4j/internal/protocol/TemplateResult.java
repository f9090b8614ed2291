package io.github.mlx4j.internal.protocol;

import java.util.Objects;

/**
 * Result of {@code applyTemplate}.
 *
 * @param text what the template made
 */
public record TemplateResult(String text) {
    /** There must be one. */
    public TemplateResult {
        Objects.requireNonNull(text, "there is no text");
    }
}
