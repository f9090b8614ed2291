package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A worker that takes no more requests at the moment. */
public final class WorkerBusyException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public WorkerBusyException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public WorkerBusyException(String message, String hint, @Nullable Throwable cause) {
        super("BUSY", Fault.ENDED, message, hint, true, cause);
    }
}
