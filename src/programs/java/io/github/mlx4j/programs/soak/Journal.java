package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.Mlx4jException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The faults of one lane and their times. Thread-safe. */
final class Journal {

    /** How long after a fault its last consequence may occur, in nanoseconds. */
    private static final long AFTERMATH = Duration.ofSeconds(6).toNanos();

    private final Queue<Entry> entries = new ConcurrentLinkedQueue<>();

    /** A fault that has begun; it is active until {@code end()} is called. */
    static final class Entry {
        private final Fault fault;
        private final long from = System.nanoTime();
        private volatile long to;
        private volatile boolean over;

        private Entry(Fault fault) {
            this.fault = fault;
        }

        void end() {
            to = System.nanoTime();
            over = true;
        }
    }

    Entry begin(Fault fault) {
        Entry entry = new Entry(fault);
        entries.add(entry);
        return entry;
    }

    /** Returns whether a fault that is active now, or ended recently, can cause this error. */
    boolean explains(Mlx4jException error) {
        long now = System.nanoTime();
        return entries.stream()
                .filter(entry -> !entry.over || now - entry.to < AFTERMATH)
                .anyMatch(entry -> now - entry.from >= 0 && entry.fault.explains(error));
    }

    Map<Fault, Integer> counts() {
        Map<Fault, Integer> counts = new EnumMap<>(Fault.class);
        entries.forEach(entry -> counts.merge(entry.fault, 1, Integer::sum));
        return counts;
    }
}
