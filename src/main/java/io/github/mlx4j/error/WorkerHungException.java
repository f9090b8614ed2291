package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * A worker that had work to do, did not move for longer than the limit, and was ended; the message has its last stacks.
 */
public final class WorkerHungException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public WorkerHungException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public WorkerHungException(String message, String hint, @Nullable Throwable cause) {
        super("WORKER_HUNG", Fault.BACKEND, message, hint, true, cause);
    }
}
