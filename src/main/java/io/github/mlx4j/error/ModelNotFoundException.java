package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A model that is neither a folder here nor in the hub's cache, and could not or must not be downloaded. */
public final class ModelNotFoundException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ModelNotFoundException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ModelNotFoundException(String message, String hint, @Nullable Throwable cause) {
        super("MODEL_NOT_FOUND", Fault.SETUP, message, hint, false, cause);
    }
}
