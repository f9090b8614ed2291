package io.github.mlx4j.internal.protocol;

import java.util.List;

/**
 * Params of {@code logits}.
 *
 * @param tokens token ids
 */
public record LogitsParams(List<Integer> tokens) {}
