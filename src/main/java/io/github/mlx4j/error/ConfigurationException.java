package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A setting with a value that it can't have. */
public final class ConfigurationException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ConfigurationException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ConfigurationException(String message, String hint, @Nullable Throwable cause) {
        super("INVALID_CONFIGURATION", Fault.SETUP, message, hint, false, cause);
    }
}
