package io.github.mlx4j.error;

/**
 * Whose fault a {@link Mlx4jException} is. The circuit breaker of a provider counts {@link #BACKEND} only, so that no
 * request can shut a provider off for others; a chain of providers moves on after {@link #BACKEND} and {@link #MODEL}.
 */
public enum Fault {
    /** The request is wrong, or asks for what this provider can't do. Correct the request. */
    CALLER,
    /** This model can't serve this request on this provider; another provider might. It says nothing about others. */
    MODEL,
    /** The worker, its environment or the remote server failed. Other requests may fail in the same way. */
    BACKEND,
    /** A setting, a file or a model's name is wrong. Correct the configuration. */
    SETUP,
    /** Nothing failed: the request was cancelled, ran out of time, or was not accepted at this moment. */
    ENDED
}
