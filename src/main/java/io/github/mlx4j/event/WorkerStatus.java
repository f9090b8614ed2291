package io.github.mlx4j.event;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The status and history of a worker.
 *
 * @param state its state
 * @param processId its process id, if it has a process
 * @param openRequests the number of requests that it has not answered yet
 * @param memory the memory that its process last reported: after the load, during work, and whenever it is reported to
 *     a {@link Mlx4jListener}; empty if it has no process
 * @param start the duration of the start of its process; empty if it has no process
 * @param sandbox the sandbox of its process; empty if it has no process
 * @param failures the total number of failures of its process
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

    /** The state of a worker. */
    public enum State {
        /**
         * It has no process: it was not needed yet, was stopped when idle, or will be restarted by the next request.
         */
        STOPPED,
        /** Its process is starting or loading the model. */
        STARTING,
        /** It accepts requests. */
        READY,
        /** It is not restarted for now: it has no restarts left, or the cause of its failure is permanent. */
        FAILED,
        /** It was closed. */
        CLOSED
    }

    /**
     * The durations of the phases of a start.
     *
     * @param process until the process sent its hello message; for the first start, including the check of the
     *     interpreter
     * @param packages from then until it started to load the model: the imports, and a download if necessary
     * @param model from then until the model was ready
     */
    public record Start(Duration process, Duration packages, Duration model) {

        /** The total duration. */
        public Duration whole() {
            return process.plus(packages).plus(model);
        }
    }

    /**
     * The sandbox of a worker (see {@code docs/operations.md}).
     *
     * @param files the mechanism that prevents it from writing outside its private folder and its outputs:
     *     {@code landlock} or {@code seatbelt}; {@code open} if its outputs are unknown, {@code none} if there is no
     *     such mechanism
     * @param network the mechanism that blocks the network: {@code seccomp} or {@code seatbelt}; {@code open} if it
     *     needs the network, {@code none} if there is no such mechanism
     * @param missing the restrictions that could not be applied, and why
     */
    public record Sandbox(String files, String network, List<String> missing) {

        /** Takes an immutable copy. */
        public Sandbox {
            missing = List.copyOf(missing);
        }
    }

    /**
     * An event in the history of a worker.
     *
     * @param time when it happened
     * @param name its kind: {@code starting}, {@code ready}, {@code failed}, {@code stopped}, {@code closed}
     * @param detail details, for people
     */
    public record Event(Instant time, String name, String detail) {}
}
