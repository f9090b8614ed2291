package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code embed}. The vectors came before.
 *
 * @param count how many vectors came before
 * @param dimensions the length of each
 * @param promptTokens tokens of all texts, with their prompts
 * @param truncated how many texts were longer than the model takes, and were cut
 */
public record EmbedResult(int count, int dimensions, int promptTokens, int truncated) {}
