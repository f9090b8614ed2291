package io.github.mlx4j.generation;

import io.github.mlx4j.error.Mlx4jException;

/**
 * Takes an answer from whoever makes it: {@link #text} and {@link #thinking} any number of times, then exactly one of
 * {@link #completed} and {@link #failed}, which is always called, one call at a time. No method waits or throws.
 */
public interface GenerationSink {

    /** The next piece of the answer. */
    void text(GenerationEvent.Text text);

    /** The next piece of what the model thinks. */
    void thinking(GenerationEvent.Thinking thinking);

    /** The answer is whole. */
    void completed(GenerationResult result);

    /** There will be no (more of the) answer. */
    void failed(Mlx4jException error);
}
