package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A request that its caller cancelled, or whose waiting thread was interrupted. */
public final class CancelledException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public CancelledException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public CancelledException(String message, String hint, @Nullable Throwable cause) {
        super("CANCELLED", message, hint, false, cause);
    }
}
