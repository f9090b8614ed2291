package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A fault inside the engine, or of a remote server, that ended this request; the worker itself goes on. */
public final class EngineException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public EngineException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public EngineException(String message, String hint, @Nullable Throwable cause) {
        this(Fault.BACKEND, message, hint, cause);
    }

    /** Creates it with its cause; {@link Fault#MODEL} is for a failure that concerns this request only. */
    public EngineException(Fault fault, String message, String hint, @Nullable Throwable cause) {
        super("ENGINE_FAILED", fault, message, hint, true, cause);
    }
}
