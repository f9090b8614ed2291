package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code removeModel}.
 *
 * @param freedBytes how much that freed
 */
public record RemoveModelResult(long freedBytes) {}
