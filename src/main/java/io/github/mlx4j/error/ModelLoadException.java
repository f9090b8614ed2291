package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a model exists but can't be loaded because files are missing or damaged, or because the engine doesn't
 * support the architecture.
 */
public final class ModelLoadException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ModelLoadException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ModelLoadException(String message, String hint, @Nullable Throwable cause) {
        super("MODEL_LOAD_FAILED", Fault.MODEL, message, hint, false, cause);
    }
}
