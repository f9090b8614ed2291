package io.github.mlx4j.internal.worker;

import io.github.mlx4j.port.WorkerStatus;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The latest events of a worker. Thread-safe. */
final class WorkerHistory {

    private static final int KEPT = 50;

    private final Deque<WorkerStatus.Event> events = new ArrayDeque<>();
    private final Clock clock;
    private final @Nullable Journal journal;
    private int failures;

    WorkerHistory(Clock clock, @Nullable Journal journal) {
        this.clock = clock;
        this.journal = journal;
    }

    synchronized void add(String name, String detail) {
        WorkerStatus.Event event = new WorkerStatus.Event(clock.instant(), name, detail);
        events.addLast(event);
        if (journal != null) {
            journal.add(event);
        }
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
