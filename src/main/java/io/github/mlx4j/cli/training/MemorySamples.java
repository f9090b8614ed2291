package io.github.mlx4j.cli.training;

import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerView;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Samples of a worker's memory. Thread-safe. */
final class MemorySamples implements Mlx4jListener {

    private static final long PATIENCE_MS = 5000;

    private final List<WorkerMemory> looks = new ArrayList<>();

    @Override
    public synchronized void onMemory(WorkerView worker, WorkerMemory memory) {
        looks.add(memory);
        notifyAll();
    }

    /** Returns all samples so far. Waits briefly for a sample that was started after this call. */
    synchronized List<WorkerMemory> untilNow() {
        int wanted = looks.size() + 2; // the next sample may have been started before this call
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        try {
            while (looks.size() < wanted && System.nanoTime() < deadline) {
                TimeUnit.NANOSECONDS.timedWait(this, deadline - System.nanoTime());
            }
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
        return List.copyOf(looks);
    }
}
