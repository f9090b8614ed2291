package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when an error in the engine, or in a remote server, ended this request. The worker itself keeps running. */
public final class EngineException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public EngineException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public EngineException(String message, String hint, @Nullable Throwable cause) {
        this(Fault.BACKEND, message, hint, cause);
    }

    /** Creates an exception with a cause; use {@link Fault#MODEL} for a failure that affects this request only. */
    public EngineException(Fault fault, String message, String hint, @Nullable Throwable cause) {
        super("ENGINE_FAILED", fault, message, hint, true, cause);
    }
}
