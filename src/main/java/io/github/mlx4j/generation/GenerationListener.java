package io.github.mlx4j.generation;

import io.github.mlx4j.error.Mlx4jException;

/**
 * Receives an answer as it is generated. Called on one thread for each request, never the caller's; {@link #onText} and
 * {@link #onThinking} any number of times, then exactly one of the others, also after a cancel. If {@link #onText} or
 * {@link #onThinking} throws anything, the request is cancelled and {@link #onFailed} is called with a
 * {@link io.github.mlx4j.error.CancelledException} whose cause it is; what the other methods throw is logged. A
 * listener that is so slow that its events fill the memory reserved for them (see {@link GenerationStream}) fails with
 * {@link io.github.mlx4j.error.ClientMemoryException}.
 */
public interface GenerationListener {

    /** The next piece of the answer. */
    void onText(GenerationEvent.Text text);

    /** The next piece of what the model thinks. */
    default void onThinking(GenerationEvent.Thinking thinking) {}

    /** The answer is whole. */
    default void onCompleted(GenerationResult result) {}

    /** There will be no (more of the) answer. */
    default void onFailed(Mlx4jException error) {}
}
