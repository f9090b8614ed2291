package io.github.mlx4j.internal.protocol;

/**
 * The logits of the token that comes after one token.
 *
 * @param id the call's id
 * @param index which token, from 0
 * @param values little-endian 32-bit floats, one for each token of the vocabulary; base64 on the wire
 */
public record PositionLogits(String id, int index, byte[] values) {}
