package io.github.mlx4j.training;

import java.util.OptionalInt;

/** Watches validation losses for one that is better than all before. Not thread-safe. */
final class EarlyStopping {

    private final int patience;
    private final double minDelta;
    private double best = Double.POSITIVE_INFINITY;
    private int bestStep = -1;
    private int worse;

    /** With 0 as patience it never stops. */
    EarlyStopping(int patience, double minDelta) {
        this.patience = patience;
        this.minDelta = minDelta;
    }

    /** Takes a validation; whether it is the best so far. */
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

    /** Whether it is enough. */
    boolean stopped() {
        return patience > 0 && worse >= patience;
    }

    /**
     * The step of the best validation whose checkpoint is wanted: empty without patience, and before the first step.
     */
    OptionalInt bestStep() {
        return patience > 0 && bestStep > 0 ? OptionalInt.of(bestStep) : OptionalInt.empty();
    }
}
