package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A Python package that the worker needs can't be imported. */
public final class DependencyMissingException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public DependencyMissingException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public DependencyMissingException(String message, String hint, @Nullable Throwable cause) {
        super("DEPENDENCY_MISSING", Fault.BACKEND, message, hint, false, cause);
    }
}
