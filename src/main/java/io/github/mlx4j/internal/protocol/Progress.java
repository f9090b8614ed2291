package io.github.mlx4j.internal.protocol;

/**
 * The progress of a call.
 *
 * @param id the call's ID
 * @param phase {@code import}, {@code download}, {@code load}, {@code prefill}, or a phase of a conversion
 * @param done the completed amount
 * @param total the total amount, 0 if unknown
 * @param unit what is counted: {@code packages}, {@code bytes}, {@code models}, {@code tokens}
 */
public record Progress(String id, String phase, long done, long total, String unit) {}
