package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;

/**
 * Takes the messages that belong to a call: notifications, then exactly one of {@link #answered} and {@link #failed}.
 * Called on the worker's reader thread, so no method may wait.
 *
 * @param <T> the type of the call's result
 */
public interface Reply<T> {

    /** A notification before the answer: {@code chunk}, {@code embedding}, {@code positionLogits}, {@code progress}. */
    default void notified(String method, JsonNode params) {}

    /** The answer. */
    void answered(T result);

    /** There will be no answer. */
    void failed(Mlx4jException error);
}
