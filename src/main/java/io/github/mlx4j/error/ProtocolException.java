package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A worker or server that speaks another version of the protocol, or breaks it. */
public final class ProtocolException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ProtocolException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ProtocolException(String message, String hint, @Nullable Throwable cause) {
        super("PROTOCOL_ERROR", Fault.BACKEND, message, hint, false, cause);
    }
}
