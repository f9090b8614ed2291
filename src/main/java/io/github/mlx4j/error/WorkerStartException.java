package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A worker that could not be started, did not come up in time, or has used up its restarts. */
public final class WorkerStartException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public WorkerStartException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public WorkerStartException(String message, String hint, @Nullable Throwable cause) {
        super("WORKER_START_FAILED", Fault.BACKEND, message, hint, true, cause);
    }
}
