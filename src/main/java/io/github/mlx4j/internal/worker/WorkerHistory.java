package io.github.mlx4j.internal.worker;

import io.github.mlx4j.event.WorkerStatus;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The most recent events of a worker. Thread-safe. */
final class WorkerHistory {

    private static final int KEPT = 50;

    private final Deque<WorkerStatus.Event> events = new ArrayDeque<>();
    private final Clock clock;
    private final @Nullable Journal journal;
    private final @Nullable Consumer<WorkerStatus.Event> listener;
    private int failures;

    WorkerHistory(Clock clock, @Nullable Journal journal, @Nullable Consumer<WorkerStatus.Event> listener) {
        this.clock = clock;
        this.journal = journal;
        this.listener = listener;
    }

    /** Records an event and notifies the listener, which may call back. The caller must not hold a lock. */
    void add(String name, String detail) {
        notifyListener(record(name, detail));
    }

    /** Records an event; the caller must notify the listener. */
    synchronized WorkerStatus.Event record(String name, String detail) {
        WorkerStatus.Event event = new WorkerStatus.Event(clock.instant(), name, detail);
        events.addLast(event);
        if (journal != null) {
            journal.add(event);
        }
        failures += event.name().equals("failed") ? 1 : 0;
        if (events.size() > KEPT) {
            events.removeFirst();
        }
        return event;
    }

    /** Notifies the listener of an event. It may call back, so the caller must not hold a lock. */
    void notifyListener(WorkerStatus.Event event) {
        if (listener != null) {
            listener.accept(event);
        }
    }

    synchronized List<WorkerStatus.Event> events() {
        return List.copyOf(events);
    }

    synchronized int failures() {
        return failures;
    }
}
