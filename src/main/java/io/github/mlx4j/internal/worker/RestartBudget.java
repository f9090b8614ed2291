package io.github.mlx4j.internal.worker;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;

/** Limits how often a worker may fail within a time window before it is no longer restarted. Thread-safe. */
public final class RestartBudget {

    private final int failures;
    private final Duration window;
    private final InstantSource clock;
    private final Deque<Instant> times = new ArrayDeque<>();

    /** Allows this many failures within the window; {@code clock} must be monotonic. */
    public RestartBudget(int failures, Duration window, InstantSource clock) {
        this.failures = failures;
        this.window = window;
        this.clock = clock;
    }

    /** Returns the default budget: three failures within five minutes. */
    public static RestartBudget standard() {
        InstantSource monotonic = () -> Instant.EPOCH.plusNanos(System.nanoTime()); // a wall clock can be set back
        return new RestartBudget(3, Duration.ofMinutes(5), monotonic);
    }

    /** Records a failure of a process. */
    synchronized void failed() {
        times.addLast(clock.instant());
    }

    /** Returns whether the budget is exhausted. */
    synchronized boolean spent() {
        Instant from = clock.instant().minus(window);
        while (!times.isEmpty() && times.getFirst().isBefore(from)) {
            times.removeFirst();
        }
        return times.size() >= failures;
    }

    /** Returns the delay before the next start: none after the first failure, then half a second, doubled each time. */
    synchronized Duration delay() {
        return times.size() < 2 ? Duration.ZERO : Duration.ofMillis(500L << Math.min(times.size() - 2, 6));
    }

    @Override
    public String toString() {
        return failures + " failures within " + window.toMinutes() + " minutes";
    }
}
