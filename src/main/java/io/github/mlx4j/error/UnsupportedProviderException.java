package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A provider name that mlx4j does not know. */
public final class UnsupportedProviderException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public UnsupportedProviderException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public UnsupportedProviderException(String message, String hint, @Nullable Throwable cause) {
        super("UNSUPPORTED_PROVIDER", Fault.SETUP, message, hint, false, cause);
    }
}
