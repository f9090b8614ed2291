package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code embed}. The vectors came before.
 *
 * @param count how many vectors came before
 * @param dimensions the length of each
 * @param promptTokens tokens of all texts
 */
public record EmbedResult(int count, int dimensions, int promptTokens) {}
