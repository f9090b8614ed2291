package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a converted or fused model could not be written or does not match its source. In that case, no new folder
 * is created.
 */
public final class ConversionException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ConversionException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ConversionException(String message, String hint, @Nullable Throwable cause) {
        super("CONVERSION_FAILED", Fault.MODEL, message, hint, false, cause);
    }
}
