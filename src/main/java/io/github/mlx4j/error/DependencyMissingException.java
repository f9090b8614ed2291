package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a Python package that the worker needs can't be imported. */
public final class DependencyMissingException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public DependencyMissingException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public DependencyMissingException(String message, String hint, @Nullable Throwable cause) {
        super("DEPENDENCY_MISSING", Fault.BACKEND, message, hint, false, cause);
    }
}
