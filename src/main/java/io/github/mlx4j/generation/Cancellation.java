package io.github.mlx4j.generation;

/** A running request that can be cancelled. */
@FunctionalInterface
public interface Cancellation {

    /** Ends the request wherever it is: waiting, in prefill, in decode. Returns at once; idempotent; any thread. */
    void cancel();
}
