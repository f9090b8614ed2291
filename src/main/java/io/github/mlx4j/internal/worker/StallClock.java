package io.github.mlx4j.internal.worker;

import java.time.Duration;

/** Counts from the last sign of life. Thread-safe. */
final class StallClock {

    private volatile long lastNanos = System.nanoTime();

    void reset() {
        lastNanos = System.nanoTime();
    }

    /** What is left of the limit; negative once it is over. */
    Duration left(Duration limit) {
        return limit.minusNanos(System.nanoTime() - lastNanos);
    }
}
