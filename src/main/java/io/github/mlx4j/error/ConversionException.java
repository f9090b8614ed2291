package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A converted or fused model that could not be written, or is not like its source. There is no new folder then. */
public final class ConversionException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ConversionException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ConversionException(String message, String hint, @Nullable Throwable cause) {
        super("CONVERSION_FAILED", Fault.MODEL, message, hint, false, cause);
    }
}
