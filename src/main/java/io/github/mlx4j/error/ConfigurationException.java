package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** Thrown when a setting has an invalid value. */
public final class ConfigurationException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ConfigurationException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ConfigurationException(String message, String hint, @Nullable Throwable cause) {
        super("INVALID_CONFIGURATION", Fault.SETUP, message, hint, false, cause);
    }
}
