package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * A request that was not answered within its own deadline, wherever it was: queued, loading, in prefill or in decode.
 */
public final class DeadlineExceededException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public DeadlineExceededException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public DeadlineExceededException(String message, String hint, @Nullable Throwable cause) {
        super("DEADLINE_EXCEEDED", Fault.ENDED, message, hint, true, cause);
    }
}
