package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a request was not answered before its deadline, whether it was queued, loading, in prefill or in decode.
 */
public final class DeadlineExceededException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public DeadlineExceededException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public DeadlineExceededException(String message, String hint, @Nullable Throwable cause) {
        super("DEADLINE_EXCEEDED", Fault.ENDED, message, hint, true, cause);
    }
}
