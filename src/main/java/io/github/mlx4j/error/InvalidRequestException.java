package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a request has a value that no provider could serve, such as an empty prompt, a maxTokens of 0, or a top-k
 * larger than the vocabulary.
 */
public final class InvalidRequestException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public InvalidRequestException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public InvalidRequestException(String message, String hint, @Nullable Throwable cause) {
        super("INVALID_REQUEST", Fault.CALLER, message, hint, false, cause);
    }
}
