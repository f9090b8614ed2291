package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when mlx4j does not know a provider name. */
public final class UnsupportedProviderException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public UnsupportedProviderException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public UnsupportedProviderException(String message, String hint, @Nullable Throwable cause) {
        super("UNSUPPORTED_PROVIDER", Fault.SETUP, message, hint, false, cause);
    }
}
