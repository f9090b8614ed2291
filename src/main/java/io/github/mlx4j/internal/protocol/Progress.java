package io.github.mlx4j.internal.protocol;

/**
 * How far a call has come.
 *
 * @param id the call's id
 * @param phase {@code import}, {@code download}, {@code load}, {@code prefill}, or one of a conversion
 * @param done how much is done
 * @param total how much there is, 0 where it isn't known
 * @param unit what is counted: {@code packages}, {@code bytes}, {@code models}, {@code tokens}
 */
public record Progress(String id, String phase, long done, long total, String unit) {}
