package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a busy worker made no progress for longer than the limit and was ended. The message contains its last
 * stack traces.
 */
public final class WorkerHungException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public WorkerHungException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public WorkerHungException(String message, String hint, @Nullable Throwable cause) {
        super("WORKER_HUNG", Fault.BACKEND, message, hint, true, cause);
    }
}
