package io.github.mlx4j.conversion;

/**
 * Receives the progress of a conversion, at most ten times a second. It is called on one of the worker's threads, so it
 * must not block.
 */
@FunctionalInterface
public interface ConversionListener {

    /** A listener that ignores all progress. */
    ConversionListener NONE = (phase, done, total, unit) -> {};

    /**
     * Called with the progress of a phase.
     *
     * @param phase {@code import}, {@code download}, {@code load}, {@code convert}, {@code write}, {@code read} or
     *     {@code verify}; some phases occur more than once
     * @param done how much is done, in units
     * @param total how much there is in total, in units; 0 if unknown
     * @param unit the unit
     */
    void onProgress(String phase, long done, long total, String unit);
}
