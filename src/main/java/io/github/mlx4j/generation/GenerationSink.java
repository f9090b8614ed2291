package io.github.mlx4j.generation;

import io.github.mlx4j.error.Mlx4jException;

/**
 * Receives an answer from its producer: any number of {@link #text} and {@link #thinking}, then always exactly one of
 * {@link #completed} and {@link #failed}. Calls do not overlap. No method blocks or throws.
 */
public interface GenerationSink {

    /** The next piece of the answer. */
    void text(GenerationEvent.Text text);

    /** The next piece of the model's thinking. */
    void thinking(GenerationEvent.Thinking thinking);

    /** The answer is complete. */
    void completed(GenerationResult result);

    /** The request failed or was cancelled. */
    void failed(Mlx4jException error);
}
