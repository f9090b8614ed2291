package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A model that wants to run code of its own, has pickled weights, or links to files outside its folder. */
public final class UnsafeModelException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public UnsafeModelException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public UnsafeModelException(String message, String hint, @Nullable Throwable cause) {
        super("UNSAFE_MODEL", Fault.SETUP, message, hint, false, cause);
    }
}
