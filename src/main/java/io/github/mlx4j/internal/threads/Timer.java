package io.github.mlx4j.internal.threads;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Runs tasks after a delay. Each task runs on its own thread, so a slow task does not delay the others. The thread that
 * waits ends after {@link #IDLE_SECONDS} without a task. In contrast, the timer thread of
 * {@link java.util.concurrent.CompletableFuture} never ends, and keeps a reference to the class loader of the program
 * that used it first. Thread-safe.
 */
public final class Timer {

    static final int IDLE_SECONDS = 5;

    /** About 146 years, the maximum delay: {@link Duration#toNanos()} throws for more than twice that. */
    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE / 2);

    private static final ScheduledThreadPoolExecutor CLOCK = clock();

    private Timer() {}

    /** Runs a task once after a delay, unless the returned future is cancelled first. */
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
