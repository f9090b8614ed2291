package io.github.mlx4j.internal.protocol;

/**
 * The vector of one text.
 *
 * @param id the call's id
 * @param index which text, from 0
 * @param vector little-endian 32-bit floats; base64 on the wire
 */
public record Embedding(String id, int index, byte[] vector) {}
