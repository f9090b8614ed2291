package io.github.mlx4j.error;

/**
 * Where the fault of an {@link Mlx4jException} lies. A provider's circuit breaker counts only {@link #BACKEND}, so that
 * one bad request can't block the provider for others. A chain of providers tries the next one after {@link #BACKEND}
 * and {@link #MODEL}.
 */
public enum Fault {
    /** The request is invalid, or the provider does not support it. Correct the request. */
    CALLER,
    /**
     * This model can't serve this request on this provider, but another provider might. Other requests are not
     * affected.
     */
    MODEL,
    /** The worker, its environment or the remote server failed. Other requests may fail in the same way. */
    BACKEND,
    /** A setting, a file or a model name is wrong. Correct the configuration. */
    SETUP,
    /** Nothing failed: the request was cancelled, timed out, or was not accepted at the moment. */
    ENDED
}
