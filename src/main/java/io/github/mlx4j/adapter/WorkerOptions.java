package io.github.mlx4j.adapter;

import io.github.mlx4j.internal.worker.WorkerLimits;
import java.time.Duration;

/**
 * How a worker is looked after.
 *
 * @param hang how long it may have work to do without moving before it is ended and started anew; default 2 minutes
 * @param idle after how long without a request it is stopped, to be started again by the next; zero, the default, is
 *     never
 * @param maxRequests how many requests it takes at once, waiting ones included; one more fails with
 *     {@link io.github.mlx4j.error.WorkerBusyException}; default 256
 */
public record WorkerOptions(Duration hang, Duration idle, int maxRequests) {

    /** Every default. */
    public static final WorkerOptions DEFAULT = new WorkerOptions(
            WorkerLimits.STANDARD.silence(), WorkerLimits.STANDARD.idle(), WorkerLimits.STANDARD.openRequests());

    /** The same with another time for a hang. */
    public WorkerOptions withHang(Duration hang) {
        return new WorkerOptions(hang, idle, maxRequests);
    }

    /** The same with another time for idleness. */
    public WorkerOptions withIdle(Duration idle) {
        return new WorkerOptions(hang, idle, maxRequests);
    }

    /** The same with another number of requests at once. */
    public WorkerOptions withMaxRequests(int maxRequests) {
        return new WorkerOptions(hang, idle, maxRequests);
    }

    WorkerLimits limits() {
        return WorkerLimits.STANDARD.withSilence(hang).withIdle(idle).withOpenRequests(maxRequests);
    }
}
