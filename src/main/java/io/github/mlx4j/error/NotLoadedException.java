package io.github.mlx4j.error;

/** A use of a model before it was loaded. */
public final class NotLoadedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public NotLoadedException(String message, String hint) {
        super("NOT_LOADED", Fault.CALLER, message, hint, false, null);
    }
}
