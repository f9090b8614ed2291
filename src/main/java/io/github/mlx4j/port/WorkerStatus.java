package io.github.mlx4j.port;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a worker is, and what became of it so far.
 *
 * @param state what it is doing
 * @param processId its process, if it has one
 * @param openRequests requests that it has not answered yet
 * @param memory what its process took when it last said so: after its load, while it works, and as often as a
 *     {@link MemoryListener} hears of it; empty if it has no process
 * @param failures how often its process failed, in all
 * @param history its latest events, oldest first, at most 50
 */
public record WorkerStatus(
        State state,
        OptionalLong processId,
        int openRequests,
        Optional<WorkerMemory> memory,
        int failures,
        List<Event> history) {

    /** Takes an immutable copy. */
    public WorkerStatus {
        history = List.copyOf(history);
    }

    /** What a worker is doing. */
    public enum State {
        /** It has no process: not asked for yet, stopped when idle, or to be started again by the next request. */
        STOPPED,
        /** Its process is starting or loading the model. */
        STARTING,
        /** It can take requests. */
        READY,
        /** It is not started again for now: its restarts are used up, or the cause of its failure is permanent. */
        FAILED,
        /** It was closed. */
        CLOSED
    }

    /**
     * Something that happened to a worker.
     *
     * @param time when
     * @param name what: {@code starting}, {@code ready}, {@code failed}, {@code stopped}, {@code closed}
     * @param detail more of it, for people
     */
    public record Event(Instant time, String name, String detail) {}
}
