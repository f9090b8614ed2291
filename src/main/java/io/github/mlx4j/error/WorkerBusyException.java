package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a worker can't accept more requests at the moment. */
public final class WorkerBusyException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public WorkerBusyException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public WorkerBusyException(String message, String hint, @Nullable Throwable cause) {
        super("BUSY", Fault.ENDED, message, hint, true, cause);
    }
}
