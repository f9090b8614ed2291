package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a worker or server uses another version of the protocol, or violates it. */
public final class ProtocolException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ProtocolException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ProtocolException(String message, String hint, @Nullable Throwable cause) {
        super("PROTOCOL_ERROR", Fault.BACKEND, message, hint, false, cause);
    }
}
