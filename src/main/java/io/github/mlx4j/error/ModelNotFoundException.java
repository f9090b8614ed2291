package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a model is neither a local folder nor in the hub cache, and could not be downloaded or downloads are not
 * allowed.
 */
public final class ModelNotFoundException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ModelNotFoundException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ModelNotFoundException(String message, String hint, @Nullable Throwable cause) {
        super("MODEL_NOT_FOUND", Fault.SETUP, message, hint, false, cause);
    }
}
