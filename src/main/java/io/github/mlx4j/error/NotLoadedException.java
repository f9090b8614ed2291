package io.github.mlx4j.error;

/** Thrown when a model is used before it was loaded. */
public final class NotLoadedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public NotLoadedException(String message, String hint) {
        super("NOT_LOADED", Fault.CALLER, message, hint, false, null);
    }
}
