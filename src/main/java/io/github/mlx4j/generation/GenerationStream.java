package io.github.mlx4j.generation;

import java.util.Iterator;

/**
 * An answer as it is generated. Iterate over it once, from one thread. You can stop early; close it in any case.
 *
 * <p>{@link #close()} and {@link #cancel()} may be called at any time from any thread, even before the first token;
 * they stop the generation. A stream that is abandoned without either is cancelled when it is garbage collected.
 *
 * <p>Unread events may use 1/64 of the maximum heap, but no more than 64 MiB. Beyond that, the request is cancelled and
 * fails with {@link io.github.mlx4j.error.ClientMemoryException}; while a thread waits in {@link #result()} and no
 * thread iterates, the events are dropped instead.
 */
public interface GenerationStream extends Iterable<GenerationEvent>, Cancellation, AutoCloseable {

    /**
     * The events, in order. {@code hasNext} and {@code next} wait for the next event. After the events that preceded
     * it, they throw the failure of the request, or, if it was cancelled,
     * {@link io.github.mlx4j.error.CancelledException}.
     *
     * @throws IllegalStateException if called twice
     */
    @Override
    Iterator<GenerationEvent> iterator();

    /**
     * Waits for the end and returns the whole answer, whether or not the events were read.
     *
     * @throws io.github.mlx4j.error.Mlx4jException if the request failed or was cancelled
     */
    GenerationResult result();

    /** Cancels the request if it is still running. Never throws. */
    @Override
    default void close() {
        cancel();
    }
}
