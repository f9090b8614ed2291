package io.github.mlx4j.programs.soak;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Does things to a request after a while: interrupts its thread, cancels it. Thread-safe. */
final class Interrupter implements AutoCloseable {

    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(2, task -> {
        Thread thread = new Thread(task, "soak-timer");
        thread.setDaemon(true);
        return thread;
    });

    /** An interrupt to come, until it is taken back; after that the thread's flag tells whether it came. */
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

    /** Interrupts the calling thread. */
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
