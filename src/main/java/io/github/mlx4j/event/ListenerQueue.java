package io.github.mlx4j.event;

import io.github.mlx4j.internal.threads.Daemons;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pending events of one listener, and the daemon thread that delivers them in order. The thread ends after some
 * idle seconds. While the queue is full, new events are dropped and counted. Thread-safe.
 */
final class ListenerQueue {

    static final int CAPACITY = 1024;

    private static final int IDLE_SECONDS = 5;
    private static final Logger log = LoggerFactory.getLogger(Mlx4jListener.class);

    private final Mlx4jListener listener;
    private final ThreadPoolExecutor thread;
    private final AtomicLong dropped = new AtomicLong();
    private final AtomicBoolean hasThrown = new AtomicBoolean();

    ListenerQueue(Mlx4jListener listener) {
        this.listener = listener;
        this.thread = new ThreadPoolExecutor(
                1,
                1,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(CAPACITY),
                task -> {
                    Thread made = Daemons.thread("mlx4j-events", task);
                    made.setContextClassLoader(listener.getClass().getClassLoader());
                    return made;
                },
                (event, full) -> drop());
        this.thread.allowCoreThreadTimeOut(true);
    }

    /** Queues an event for the listener. Never blocks or throws. */
    void add(Consumer<Mlx4jListener> event) {
        try {
            thread.execute(() -> deliver(event));
        } catch (OutOfMemoryError noRoom) { // or no thread could be created
            drop();
        }
    }

    private void deliver(Consumer<Mlx4jListener> event) {
        try {
            event.accept(listener);
        } catch (Throwable thrown) { // including linkage errors from a missing or incompatible jar
            if (hasThrown.compareAndSet(false, true)) {
                log.warn("A listener threw; it still receives events, and this is not logged again", thrown);
            }
        }
    }

    private void drop() {
        long count = dropped.incrementAndGet();
        if (Long.bitCount(count) == 1) { // 1, 2, 4, 8, …
            log.warn(
                    "{} is slower than its events: {} have been dropped so far",
                    listener.getClass().getName(),
                    count);
        }
    }
}
