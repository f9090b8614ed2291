package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when this program, not the worker, runs out of memory for an answer: the events of a stream were not read in
 * time, or the Java heap is exhausted.
 */
public final class ClientMemoryException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public ClientMemoryException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public ClientMemoryException(String message, String hint, @Nullable Throwable cause) {
        super("CLIENT_OUT_OF_MEMORY", Fault.CALLER, message, hint, false, cause);
    }
}
