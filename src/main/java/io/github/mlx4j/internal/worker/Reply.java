package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;

/**
 * Takes what comes of a call: notifications, then exactly one of {@link #answered} and {@link #failed}. Called on the
 * worker's reader thread, so no method may wait.
 */
public interface Reply {

    /**
     * Something on the way to the answer: {@code chunk}, {@code embedding}, {@code positionLogits} or {@code progress}.
     */
    default void notified(String method, JsonNode params) {}

    /** The answer. */
    void answered(JsonNode result);

    /** There will be no answer. */
    void failed(Mlx4jException error);
}
