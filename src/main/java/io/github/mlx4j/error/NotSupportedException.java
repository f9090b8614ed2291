package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Something that this provider, or this version, can't do; it is named in the message. */
public final class NotSupportedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public NotSupportedException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public NotSupportedException(String message, String hint, @Nullable Throwable cause) {
        super("NOT_SUPPORTED", Fault.CALLER, message, hint, false, cause);
    }
}
