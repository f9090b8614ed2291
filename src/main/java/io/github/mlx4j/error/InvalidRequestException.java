package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * A request with a value that no provider could serve: an empty prompt, a maxTokens of 0, a top-k beyond the
 * vocabulary.
 */
public final class InvalidRequestException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public InvalidRequestException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public InvalidRequestException(String message, String hint, @Nullable Throwable cause) {
        super("INVALID_REQUEST", Fault.CALLER, message, hint, false, cause);
    }
}
