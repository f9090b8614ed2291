package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;

/**
 * Hears of an answer as it comes. Called on one thread for each request, never the caller's; {@link #onText} and
 * {@link #onThinking} any number of times, then exactly one of the others, also after a cancel. What a method throws is
 * logged, and the answer goes on.
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
