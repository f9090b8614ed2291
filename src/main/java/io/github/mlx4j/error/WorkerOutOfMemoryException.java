package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Not enough memory for the model or for this request. */
public final class WorkerOutOfMemoryException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public WorkerOutOfMemoryException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public WorkerOutOfMemoryException(String message, String hint, @Nullable Throwable cause) {
        this(Fault.MODEL, message, hint, cause);
    }

    /** Creates it with its cause; {@link Fault#BACKEND} is for a model that could not be loaded for want of memory. */
    public WorkerOutOfMemoryException(Fault fault, String message, String hint, @Nullable Throwable cause) {
        super("OUT_OF_MEMORY", fault, message, hint, true, cause);
    }
}
