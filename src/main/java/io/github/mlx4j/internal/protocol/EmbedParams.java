package io.github.mlx4j.internal.protocol;

import java.util.List;

/**
 * Params of {@code embed}.
 *
 * @param texts what to turn into vectors
 */
public record EmbedParams(List<String> texts) {}
