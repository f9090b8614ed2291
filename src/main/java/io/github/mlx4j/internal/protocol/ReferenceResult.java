package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code reference}.
 *
 * @param file the file that was written
 * @param prompts how many prompts it has
 * @param dtype what the logits were computed in
 */
public record ReferenceResult(String file, int prompts, String dtype) {}
