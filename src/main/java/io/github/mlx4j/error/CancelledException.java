package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a request was cancelled by its caller, or when the thread waiting for it was interrupted. */
public final class CancelledException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public CancelledException(String message, String hint) {
        this(message, hint, null);
    }

    /**
     * Creates an exception for a request that was cancelled because the callback that receives its events threw an
     * exception.
     */
    public static CancelledException afterCallbackThrew(Throwable thrown) {
        return new CancelledException(
                "A callback threw %s, so the request was cancelled.".formatted(thrown),
                "Fix the callback; the cause of this exception has the stack trace.",
                thrown);
    }

    /** Creates an exception with a cause. */
    public CancelledException(String message, String hint, @Nullable Throwable cause) {
        super("CANCELLED", Fault.ENDED, message, hint, false, cause);
    }
}
