package io.github.mlx4j.internal.worker;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;

/** How often a worker may fail within a time before it is left alone. Thread-safe. */
public final class RestartBudget {

    private final int failures;
    private final Duration window;
    private final InstantSource clock;
    private final Deque<Instant> times = new ArrayDeque<>();

    /** Allows this many failures within the window; {@code clock} must not go back. */
    public RestartBudget(int failures, Duration window, InstantSource clock) {
        this.failures = failures;
        this.window = window;
        this.clock = clock;
    }

    /** The default: three failures within five minutes. */
    public static RestartBudget standard() {
        InstantSource monotonic = () -> Instant.EPOCH.plusNanos(System.nanoTime()); // a wall clock can be set back
        return new RestartBudget(3, Duration.ofMinutes(5), monotonic);
    }

    /** A process failed. */
    synchronized void failed() {
        times.addLast(clock.instant());
    }

    /** Whether it is spent. */
    synchronized boolean spent() {
        Instant from = clock.instant().minus(window);
        while (!times.isEmpty() && times.getFirst().isBefore(from)) {
            times.removeFirst();
        }
        return times.size() >= failures;
    }

    /**
     * How long to wait before the next start: nothing after the first failure, then half a second, doubled each time.
     */
    synchronized Duration delay() {
        return times.size() < 2 ? Duration.ZERO : Duration.ofMillis(500L << Math.min(times.size() - 2, 6));
    }

    @Override
    public String toString() {
        return failures + " failures within " + window.toMinutes() + " minutes";
    }
}
