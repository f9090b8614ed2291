package io.github.mlx4j.generation;

import io.github.mlx4j.error.Mlx4jException;

/**
 * Receives an answer as it is generated. All calls for a request come from one thread, never the caller's: any number
 * of {@link #onText} and {@link #onThinking}, then exactly one of the other methods, even after a cancellation. If
 * {@link #onText} or {@link #onThinking} throws, the request is cancelled and {@link #onFailed} receives a
 * {@link io.github.mlx4j.error.CancelledException} with that cause; exceptions from the other methods are logged. If a
 * listener is so slow that its events exceed the memory reserved for them (see {@link GenerationStream}), the request
 * fails with {@link io.github.mlx4j.error.ClientMemoryException}.
 */
public interface GenerationListener {

    /** The next piece of the answer. */
    void onText(GenerationEvent.Text text);

    /** The next piece of the model's thinking. */
    default void onThinking(GenerationEvent.Thinking thinking) {}

    /** The answer is complete. */
    default void onCompleted(GenerationResult result) {}

    /** The request failed or was cancelled. */
    default void onFailed(Mlx4jException error) {}
}
