package io.github.mlx4j.internal.protocol;

import java.util.List;

/**
 * A piece of an answer.
 *
 * @param id the request's id
 * @param seq counts from 0 without gaps
 * @param text the text; characters are whole
 * @param tokens the ids that this text completes
 */
public record Chunk(String id, int seq, String text, List<Integer> tokens) {}
