package io.github.mlx4j.internal.worker;

import java.time.Duration;

/**
 * How long a worker may take, and how much it may have to do.
 *
 * @param hello until its first line
 * @param loadStall without any sign of life while it loads
 * @param silence without any movement while it has work to do; after it the worker counts as hung
 * @param idle without any request before it is stopped; zero is never
 * @param openRequests requests at once, waiting ones included; one more is refused as busy
 */
public record WorkerLimits(Duration hello, Duration loadStall, Duration silence, Duration idle, int openRequests) {

    /** 20 s, 10 min, 2 min, never, 256. */
    public static final WorkerLimits STANDARD =
            new WorkerLimits(Duration.ofSeconds(20), Duration.ofMinutes(10), Duration.ofMinutes(2), Duration.ZERO, 256);

    /** The same with another limit for silence. */
    public WorkerLimits withSilence(Duration silence) {
        return new WorkerLimits(hello, loadStall, silence, idle, openRequests);
    }

    /** The same, stopped after this time without a request. */
    public WorkerLimits withIdle(Duration idle) {
        return new WorkerLimits(hello, loadStall, silence, idle, openRequests);
    }

    /** The same with another number of requests at once. */
    public WorkerLimits withOpenRequests(int openRequests) {
        return new WorkerLimits(hello, loadStall, silence, idle, openRequests);
    }
}
