package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a worker could not be started, was not ready in time, or has used up its restarts. */
public final class WorkerStartException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public WorkerStartException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public WorkerStartException(String message, String hint, @Nullable Throwable cause) {
        super("WORKER_START_FAILED", Fault.BACKEND, message, hint, true, cause);
    }
}
