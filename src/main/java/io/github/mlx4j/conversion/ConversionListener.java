package io.github.mlx4j.conversion;

/** Hears how far a conversion is, on a thread of the worker, so it must not wait; at most ten times a second. */
@FunctionalInterface
public interface ConversionListener {

    /** Hears nothing. */
    ConversionListener NONE = (phase, done, total, unit) -> {};

    /**
     * How far a phase is.
     *
     * @param phase {@code import}, {@code download}, {@code load}, {@code convert}, {@code write}, {@code read} or
     *     {@code verify}; some come more than once
     * @param done how much is done, in units
     * @param total how much there is, in units; 0 where it isn't known
     * @param unit what is counted
     */
    void onProgress(String phase, long done, long total, String unit);
}
