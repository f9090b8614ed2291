package io.github.mlx4j.event;

import java.time.Duration;
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
 *     {@link Mlx4jListener} hears of it; empty if it has no process
 * @param start how long the start of its process took; empty if it has no process
 * @param sandbox what its process can't do; empty if it has no process
 * @param failures how often its process failed, in all
 * @param history its latest events, oldest first, at most 50
 */
public record WorkerStatus(
        State state,
        OptionalLong processId,
        int openRequests,
        Optional<WorkerMemory> memory,
        Optional<Start> start,
        Optional<Sandbox> sandbox,
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
     * Where the time of a start went.
     *
     * @param process until the process said hello; the first start looks at its interpreter before
     * @param packages from then until it began to load the model: the imports, and a download if there was one
     * @param model from then until the model was ready
     */
    public record Start(Duration process, Duration packages, Duration model) {

        /** All of it. */
        public Duration whole() {
            return process.plus(packages).plus(model);
        }
    }

    /**
     * What the system takes away from a worker ({@code docs/operations.md}).
     *
     * @param files what keeps it from writing outside its private folder and its outputs: {@code landlock} or
     *     {@code seatbelt}; {@code open} if its outputs are not known, {@code none} if nothing does
     * @param network what keeps it from the network: {@code seccomp} or {@code seatbelt}; {@code open} if it needs the
     *     network, {@code none} if nothing does
     * @param missing what should hold but doesn't, and why
     */
    public record Sandbox(String files, String network, List<String> missing) {

        /** Takes an immutable copy. */
        public Sandbox {
            missing = List.copyOf(missing);
        }
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
