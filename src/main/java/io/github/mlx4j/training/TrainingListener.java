package io.github.mlx4j.training;

import java.nio.file.Path;

/**
 * Hears how a run goes, on the run's own thread, which waits for it meanwhile. What it throws is logged, and the run
 * goes on.
 */
public interface TrainingListener {

    /**
     * On the way to the first step, on a thread of the worker's.
     *
     * @param phase {@code import}, {@code download}, {@code load} or {@code data}
     * @param done how much is done
     * @param total how much there is, 0 where it isn't known
     * @param unit what is counted, such as {@code bytes} or {@code sequences}
     */
    default void onLoading(String phase, long done, long total, String unit) {}

    /** The model is loaded and the data read; {@code step} steps were done before, 0 unless the run is resumed. */
    default void onStart(TrainingInfo info, int step, int totalSteps) {}

    /** A step is done. */
    default void onStep(TrainingProgress progress) {}

    /** The model was validated after so many steps. */
    default void onValidation(int step, Validation validation) {}

    /** A checkpoint of so many steps is whole. */
    default void onCheckpoint(int step, Path folder) {}
}
