package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A request that its caller cancelled, or whose waiting thread was interrupted. */
public final class CancelledException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public CancelledException(String message, String hint) {
        this(message, hint, null);
    }

    /** For a request that was cancelled because the callback that took its events threw this. */
    public static CancelledException afterCallbackThrew(Throwable thrown) {
        return new CancelledException(
                "A callback threw %s, so the request was cancelled.".formatted(thrown),
                "Correct the callback; the cause has its stack trace.",
                thrown);
    }

    /** Creates it with its cause. */
    public CancelledException(String message, String hint, @Nullable Throwable cause) {
        super("CANCELLED", Fault.ENDED, message, hint, false, cause);
    }
}
