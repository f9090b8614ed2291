package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when an answer is not what was requested: it is not JSON that matches the schema, or it contains invalid
 * values. The request is not retried, and circuit breakers don't count this error.
 */
public final class UnreadableAnswerException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final String text;

    /** Creates an exception with the unmodified text of the answer. */
    public UnreadableAnswerException(String message, String hint, String text, @Nullable Throwable cause) {
        super("UNREADABLE_ANSWER", Fault.MODEL, message, hint, true, cause);
        this.text = text;
    }

    /** Returns the unmodified text of the answer. */
    public String text() {
        return text;
    }
}
