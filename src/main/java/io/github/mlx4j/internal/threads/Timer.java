package io.github.mlx4j.internal.threads;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Runs tasks later, each on a thread of its own, so that none can delay another. The timer's own thread ends when it
 * has had nothing to wait for during {@link #IDLE_SECONDS}; {@link java.util.concurrent.CompletableFuture}'s never
 * ends, and keeps the class loader of whoever used it first. Thread-safe.
 */
public final class Timer {

    static final int IDLE_SECONDS = 5;

    /** About 146 years: later is never. {@link Duration#toNanos()} of more throws. */
    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE / 2);

    private static final ScheduledThreadPoolExecutor CLOCK = clock();

    private Timer() {}

    /** Runs a task once, unless it is cancelled before. */
    public static Future<?> after(Duration delay, String name, Runnable task) {
        Duration bounded = delay.compareTo(LONGEST) < 0 ? delay : LONGEST;
        return CLOCK.schedule(() -> Daemons.start(name, task), bounded.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static ScheduledThreadPoolExecutor clock() {
        ScheduledThreadPoolExecutor clock =
                new ScheduledThreadPoolExecutor(1, task -> Daemons.thread("mlx4j-timer", task));
        clock.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
        clock.allowCoreThreadTimeOut(true);
        clock.setRemoveOnCancelPolicy(true);
        return clock;
    }
}
