package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code logits}. The logits came before.
 *
 * @param count how many places had theirs
 * @param vocabularySize how many logits each has
 */
public record LogitsResult(int count, int vocabularySize) {}
