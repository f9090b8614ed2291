package io.github.mlx4j.error;

import java.util.List;

/**
 * Thrown when no backend could load a model. The message lists all attempts; the errors of the failed ones are
 * suppressed exceptions.
 */
public final class NoBackendLoadedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final List<LoadAttempt> attempts;

    /** Creates an exception with all attempts, in order. */
    public NoBackendLoadedException(String message, String hint, List<LoadAttempt> attempts) {
        super("NO_BACKEND_LOADED", Fault.SETUP, message, hint, false, null);
        this.attempts = List.copyOf(attempts);
    }

    /** Returns all attempts, in order. */
    public List<LoadAttempt> attempts() {
        return attempts;
    }
}
