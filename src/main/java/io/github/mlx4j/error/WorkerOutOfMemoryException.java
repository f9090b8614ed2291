package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when there is not enough memory for the model or for this request. */
public final class WorkerOutOfMemoryException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public WorkerOutOfMemoryException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public WorkerOutOfMemoryException(String message, String hint, @Nullable Throwable cause) {
        this(Fault.MODEL, message, hint, cause);
    }

    /**
     * Creates an exception with a cause; use {@link Fault#BACKEND} if a model could not be loaded because of
     * insufficient memory.
     */
    public WorkerOutOfMemoryException(Fault fault, String message, String hint, @Nullable Throwable cause) {
        super("OUT_OF_MEMORY", fault, message, hint, true, cause);
    }
}
