package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a prompt is longer than the model's context. */
public final class ContextOverflowException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ContextOverflowException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ContextOverflowException(String message, String hint, @Nullable Throwable cause) {
        super("CONTEXT_OVERFLOW", Fault.CALLER, message, hint, false, cause);
    }
}
