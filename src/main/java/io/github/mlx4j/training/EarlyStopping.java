package io.github.mlx4j.training;

import java.util.OptionalInt;

/** Tracks validation losses and decides when to stop early. Not thread-safe. */
final class EarlyStopping {

    private final int patience;
    private final double minDelta;
    private double best = Double.POSITIVE_INFINITY;
    private int bestStep = -1;
    private int worse;

    /** Creates a tracker. A patience of 0 disables early stopping. */
    EarlyStopping(int patience, double minDelta) {
        this.patience = patience;
        this.minDelta = minDelta;
    }

    /** Adds a validation and returns whether it is the best so far. */
    boolean add(int step, double loss) {
        if (loss < best - minDelta) {
            best = loss;
            bestStep = step;
            worse = 0;
            return true;
        }
        worse++;
        return false;
    }

    /** Returns whether the run should stop. */
    boolean stopped() {
        return patience > 0 && worse >= patience;
    }

    /**
     * Returns the step of the best validation, whose checkpoint is the result. Empty without patience, and before the
     * first step.
     */
    OptionalInt bestStep() {
        return patience > 0 && bestStep > 0 ? OptionalInt.of(bestStep) : OptionalInt.empty();
    }
}
