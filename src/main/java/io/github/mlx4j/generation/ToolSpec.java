package io.github.mlx4j.generation;

import org.jspecify.annotations.Nullable;

/**
 * A tool that the model may call.
 *
 * @param name its name; not empty, unique in a request
 * @param description what it does and when to use it, for the model; {@code null} is none
 * @param parameters the JSON schema of its arguments, a JSON object; {@code null} is none
 */
public record ToolSpec(
        String name, @Nullable String description, @Nullable String parameters) {}
