package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;

/**
 * Receives the messages of a call: notifications, then exactly one of {@link #answered} and {@link #failed}. Called on
 * the worker's reader thread, so methods must not block.
 *
 * @param <T> the type of the call's result
 */
public interface Reply<T> {

    /**
     * Receives a notification before the answer: {@code chunk}, {@code embedding}, {@code positionLogits},
     * {@code progress}.
     */
    default void notified(String method, JsonNode params) {}

    /** Receives the answer. */
    void answered(T result);

    /** Receives the error of a call that failed. */
    void failed(Mlx4jException error);
}
