package io.github.mlx4j.internal.worker;

import java.time.Duration;

/** Measures the time since the last sign of life. Thread-safe. */
final class StallClock {

    private volatile long lastNanos = System.nanoTime();

    void reset() {
        lastNanos = System.nanoTime();
    }

    /** Returns the remaining time of the limit; negative after it has expired. */
    Duration left(Duration limit) {
        return limit.minusNanos(System.nanoTime() - lastNanos);
    }
}
