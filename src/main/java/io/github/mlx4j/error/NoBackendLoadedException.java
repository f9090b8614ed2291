package io.github.mlx4j.error;

import java.util.List;

/**
 * A model that no backend could load. The message lists every attempt; the errors of those that failed are suppressed
 * exceptions.
 */
public final class NoBackendLoadedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final List<LoadAttempt> attempts;

    /** Creates it with every attempt, in order. */
    public NoBackendLoadedException(String message, String hint, List<LoadAttempt> attempts) {
        super("NO_BACKEND_LOADED", Fault.SETUP, message, hint, false, null);
        this.attempts = List.copyOf(attempts);
    }

    /** Every attempt, in order. */
    public List<LoadAttempt> attempts() {
        return attempts;
    }
}
