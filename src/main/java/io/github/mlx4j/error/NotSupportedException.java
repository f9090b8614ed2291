package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when this provider, or this version, does not support something. The message names it. */
public final class NotSupportedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public NotSupportedException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public NotSupportedException(String message, String hint, @Nullable Throwable cause) {
        super("NOT_SUPPORTED", Fault.CALLER, message, hint, false, cause);
    }
}
