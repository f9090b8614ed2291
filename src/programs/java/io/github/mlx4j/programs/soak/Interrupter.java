package io.github.mlx4j.programs.soak;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Interrupts or cancels a request after a delay. Thread-safe. */
final class Interrupter implements AutoCloseable {

    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(2, task -> {
        Thread thread = new Thread(task, "soak-timer");
        thread.setDaemon(true);
        return thread;
    });

    /**
     * A scheduled interrupt that can be taken back; after that, the thread's interrupt flag shows whether it happened.
     */
    static final class Pending {
        private final Thread thread = Thread.currentThread();
        private boolean over;

        private synchronized void interrupt() {
            if (!over) {
                thread.interrupt();
            }
        }

        synchronized void takeBack() {
            over = true;
        }
    }

    /** Schedules an interrupt of the calling thread. */
    Pending interruptAfter(long ms) {
        Pending pending = new Pending();
        after(ms, pending::interrupt);
        return pending;
    }

    void after(long ms, Runnable action) {
        timer.schedule(action, ms, TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
