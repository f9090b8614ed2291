package io.github.mlx4j.training;

import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps what a listener throws away from the run. */
record SafeListener(TrainingListener listener) implements TrainingListener {

    private static final Logger log = LoggerFactory.getLogger(TrainingListener.class);

    @Override
    public void onLoading(String phase, long done, long total, String unit) {
        tell(() -> listener.onLoading(phase, done, total, unit));
    }

    @Override
    public void onStart(TrainingInfo info, int step, int totalSteps) {
        tell(() -> listener.onStart(info, step, totalSteps));
    }

    @Override
    public void onStep(TrainingProgress progress) {
        tell(() -> listener.onStep(progress));
    }

    @Override
    public void onValidation(int step, Validation validation) {
        tell(() -> listener.onValidation(step, validation));
    }

    @Override
    public void onCheckpoint(int step, Path folder) {
        tell(() -> listener.onCheckpoint(step, folder));
    }

    private static void tell(Runnable news) {
        try {
            news.run();
        } catch (Throwable thrown) { // no reason to end a run of hours
            log.error("A training listener threw; the run goes on", thrown);
        }
    }
}
