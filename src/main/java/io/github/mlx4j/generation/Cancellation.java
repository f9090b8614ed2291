package io.github.mlx4j.generation;

/** A running request that can be cancelled. */
@FunctionalInterface
public interface Cancellation {

    /**
     * Cancels the request in any state: queued, in prefill or in decode. Returns immediately; idempotent and
     * thread-safe.
     */
    void cancel();
}
