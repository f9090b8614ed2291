package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A request to something that was closed, or that was closed before it could answer. */
public final class ClosedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ClosedException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ClosedException(String message, String hint, @Nullable Throwable cause) {
        super("CLOSED", Fault.ENDED, message, hint, false, cause);
    }
}
