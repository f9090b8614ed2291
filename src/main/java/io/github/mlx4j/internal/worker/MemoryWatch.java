package io.github.mlx4j.internal.worker;

import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.internal.threads.Daemons;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Reports a worker's memory use to a listener, on a daemon thread, because the listener may block. */
final class MemoryWatch {

    private final WorkerClient client;
    private final Duration period;
    private final Consumer<WorkerMemory> listener;
    private final CountDownLatch ended = new CountDownLatch(1);

    MemoryWatch(WorkerClient client, Duration period, Consumer<WorkerMemory> listener) {
        this.client = client;
        this.period = period;
        this.listener = listener;
    }

    void start(String name) {
        Daemons.start(name, this::run);
    }

    void stop() {
        ended.countDown();
    }

    private void run() {
        try {
            do {
                look();
            } while (!ended.await(period.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() throws InterruptedException {
        try {
            client.ping().get();
        } catch (ExecutionException gone) {
            return;
        }
        client.memory().ifPresent(listener);
    }
}
