package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A prompt that is longer than the model's context. */
public final class ContextOverflowException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ContextOverflowException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ContextOverflowException(String message, String hint, @Nullable Throwable cause) {
        super("CONTEXT_OVERFLOW", Fault.CALLER, message, hint, false, cause);
    }
}
