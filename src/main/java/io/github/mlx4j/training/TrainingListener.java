package io.github.mlx4j.training;

import java.nio.file.Path;

/**
 * Receives the progress of a training run. Except for {@link #onLoading}, methods are called on the run's own thread,
 * which waits until they return. Exceptions that they throw are logged, and the run continues.
 */
public interface TrainingListener {

    /**
     * Called before the first step, while the worker gets ready, on one of the worker's threads.
     *
     * @param phase {@code import}, {@code download}, {@code load} or {@code data}
     * @param done how much is done
     * @param total how much there is in total; 0 if unknown
     * @param unit the unit of {@code done} and {@code total}, such as {@code bytes} or {@code sequences}
     */
    default void onLoading(String phase, long done, long total, String unit) {}

    /**
     * Called when the model is loaded and the data has been read. {@code step} is the number of steps completed before;
     * 0 unless the run is resumed.
     */
    default void onStart(TrainingInfo info, int step, int totalSteps) {}

    /** Called after each step. */
    default void onStep(TrainingProgress progress) {}

    /** Called after a validation. {@code step} is the number of steps completed so far. */
    default void onValidation(int step, Validation validation) {}

    /** Called when a checkpoint is complete. {@code step} is the number of steps that it contains. */
    default void onCheckpoint(int step, Path folder) {}
}
