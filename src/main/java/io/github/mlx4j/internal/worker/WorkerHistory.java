package io.github.mlx4j.internal.worker;

import io.github.mlx4j.port.WorkerStatus;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The latest events of a worker. Thread-safe. */
final class WorkerHistory {

    private static final int KEPT = 50;

    private final Deque<WorkerStatus.Event> events = new ArrayDeque<>();
    private final Clock clock;
    private int failures;

    WorkerHistory(Clock clock) {
        this.clock = clock;
    }

    synchronized void add(String name, String detail) {
        events.addLast(new WorkerStatus.Event(clock.instant(), name, detail));
        failures += name.equals("failed") ? 1 : 0;
        if (events.size() > KEPT) {
            events.removeFirst();
        }
    }

    synchronized List<WorkerStatus.Event> events() {
        return List.copyOf(events);
    }

    synchronized int failures() {
        return failures;
    }
}
