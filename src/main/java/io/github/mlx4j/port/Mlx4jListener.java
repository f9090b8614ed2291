package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import java.time.Duration;
import java.util.List;

/**
 * Hears what happens: to the requests of a program, to its workers, to the circuit breakers between providers. Every
 * method does nothing unless it is written. Thread-safety is the listener's own: methods are called by many threads at
 * once.
 *
 * <p>It is called on the threads that do the work, an answer's on the one that reads it from its worker, so it must not
 * wait. What it throws hurts nothing and is logged, once. While there is a listener, each worker has a thread that asks
 * for its memory.
 *
 * <p>Of one call it hears {@link #onStart}, then {@link #onFirstToken} if any token came, then exactly one of
 * {@link #onAnswer}, {@link #onVectors} and {@link #onFailure}. A call has one such story however often it is sent
 * again, and whoever answers it in the end.
 */
public interface Mlx4jListener {

    /** A program asked for an answer or for vectors. */
    default void onStart(ModelCall call) {}

    /** The first piece of an answer is there, text or thinking, so long after the start. */
    default void onFirstToken(ModelCall call, Duration after) {}

    /** An answer is whole. It says who gave it, which is not the provider of the call where another one stood in. */
    default void onAnswer(ModelCall call, GenerationResult result, Duration took) {}

    /** The vectors of so many texts are there. */
    default void onVectors(ModelCall call, int texts, Duration took) {}

    /** A call failed; a cancel and a deadline are failures too. */
    default void onFailure(ModelCall call, Mlx4jException error, Duration took) {}

    /** Something happened to a worker: it starts, is ready, failed, was stopped since it was idle, or closed. */
    default void onWorker(WorkerView worker, WorkerStatus.Event event) {}

    /** What a worker takes in memory: once after its start, then again and again, on a thread of its own. */
    default void onMemory(WorkerView worker, WorkerMemory memory) {}

    /** The circuit breaker of a provider changed its state. */
    default void onBreaker(String provider, BreakerState state) {}

    /** A provider failed before its first token, so another is asked. */
    default void onFallback(String from, String to, Mlx4jException error) {}

    /** One listener that tells each of these, and throws nothing. */
    static Mlx4jListener all(List<? extends Mlx4jListener> listeners) {
        return listeners.size() == 1 && listeners.get(0) instanceof ListenerGroup group
                ? group
                : new ListenerGroup(List.copyOf(listeners));
    }
}
