package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * An answer that came, but is not what was asked for: it is not JSON of the schema, or has values that can't be taken.
 * It is neither sent again nor counted by a circuit breaker.
 */
public final class UnreadableAnswerException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final String text;

    /** Creates it with the answer's text as it came. */
    public UnreadableAnswerException(String message, String hint, String text, @Nullable Throwable cause) {
        super("UNREADABLE_ANSWER", Fault.MODEL, message, hint, true, cause);
        this.text = text;
    }

    /** The answer's text as it came. */
    public String text() {
        return text;
    }
}
