package io.github.mlx4j.generation;

import java.util.Iterator;

/**
 * An answer as it comes. Iterate over it once, from one thread; leave early whenever you like, and close it.
 *
 * <p>{@link #close()} and {@link #cancel()} may be called at any time and from any thread, also before the first token;
 * they stop the generation itself. A stream that is dropped without either is cancelled when it is garbage collected.
 *
 * <p>Events that are not read yet may take a 64th of the maximum heap, and 64 MiB at most. Beyond that the request is
 * cancelled and fails with {@link io.github.mlx4j.error.ClientMemoryException}; while a thread waits in
 * {@link #result()} and nobody iterates, the events are dropped instead.
 */
public interface GenerationStream extends Iterable<GenerationEvent>, Cancellation, AutoCloseable {

    /**
     * The events, in order; waits for the next. A failure is thrown by {@code hasNext} and {@code next}, after the
     * events that came before it; so is a cancel, as {@link io.github.mlx4j.error.CancelledException}.
     *
     * @throws IllegalStateException if called twice
     */
    @Override
    Iterator<GenerationEvent> iterator();

    /**
     * Waits for the end and returns the whole answer, whether or not the events were read.
     *
     * @throws io.github.mlx4j.error.Mlx4jException what went wrong, a cancel included
     */
    GenerationResult result();

    /** Cancels what is still running. Throws nothing. */
    @Override
    default void close() {
        cancel();
    }
}
