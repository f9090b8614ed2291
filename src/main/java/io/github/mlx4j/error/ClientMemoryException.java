package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * This program, not the worker, has no memory left for an answer: the events of a stream were not read in time, or the
 * Java heap is exhausted.
 */
public final class ClientMemoryException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public ClientMemoryException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public ClientMemoryException(String message, String hint, @Nullable Throwable cause) {
        super("CLIENT_OUT_OF_MEMORY", Fault.CALLER, message, hint, false, cause);
    }
}
