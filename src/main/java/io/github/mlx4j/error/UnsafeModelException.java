package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a model requires its own code to run, has pickled weights, or links to files outside its folder. */
public final class UnsafeModelException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public UnsafeModelException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public UnsafeModelException(String message, String hint, @Nullable Throwable cause) {
        super("UNSAFE_MODEL", Fault.SETUP, message, hint, false, cause);
    }
}
