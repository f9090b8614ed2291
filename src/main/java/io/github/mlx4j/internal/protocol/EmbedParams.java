package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code embed}.
 *
 * @param texts what to turn into vectors
 * @param promptName the model's prompt to put before each; {@code null} is the default one
 */
public record EmbedParams(List<String> texts, @Nullable String promptName) {}
