package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A model that is there but can't be loaded: files missing or damaged, or an architecture that the engine lacks. */
public final class ModelLoadException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ModelLoadException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ModelLoadException(String message, String hint, @Nullable Throwable cause) {
        super("MODEL_LOAD_FAILED", Fault.MODEL, message, hint, false, cause);
    }
}
