package io.github.mlx4j.generation;

import org.jspecify.annotations.Nullable;

/**
 * A tool that the model may call.
 *
 * @param name its name; not empty, unique in a request
 * @param description tells the model what it does and when to use it; may be {@code null}
 * @param parameters the JSON schema of its arguments, a JSON object; may be {@code null}
 */
public record ToolSpec(
        String name, @Nullable String description, @Nullable String parameters) {}
