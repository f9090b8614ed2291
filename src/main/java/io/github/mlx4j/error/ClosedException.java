package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a request is made to a closed object, or when the object is closed before it can answer. */
public final class ClosedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ClosedException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ClosedException(String message, String hint, @Nullable Throwable cause) {
        super("CLOSED", Fault.ENDED, message, hint, false, cause);
    }
}
