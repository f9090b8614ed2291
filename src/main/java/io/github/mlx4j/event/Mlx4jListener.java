package io.github.mlx4j.event;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.RerankResult;
import java.time.Duration;
import java.util.List;

/**
 * Receives events about the requests of a program, its workers, and the circuit breakers between providers. Every
 * method does nothing by default.
 *
 * <p>Each listener has a daemon thread and a queue of 1024 events of its own, for each configuration that it is part
 * of. So its methods are called one at a time, in the order of the events, shortly after these happened: a caller may
 * have its answer before {@link #onAnswer} is called. Nothing waits for a listener, and what it throws is logged, once.
 * When it is so slow that its queue is full, further events are dropped, and a warning says how many. While there is a
 * listener, each worker has a thread that asks for its memory.
 *
 * <p>The events of one call are {@link #onStart}, then {@link #onFirstToken} if any token came, then exactly one of
 * {@link #onAnswer}, {@link #onVectors}, {@link #onScores} and {@link #onFailure}. They come once per call, however
 * often it is sent again and whichever provider answers it in the end.
 */
public interface Mlx4jListener {

    /** A program asked for an answer, for vectors or for scores. */
    default void onStart(ModelCall call) {}

    /** The first piece of an answer is there, text or thinking, so long after the start. */
    default void onFirstToken(ModelCall call, Duration after) {}

    /** An answer is whole. It says who gave it, which is not the provider of the call where another one stood in. */
    default void onAnswer(ModelCall call, GenerationResult result, Duration took) {}

    /** The vectors of so many texts are there. */
    default void onVectors(ModelCall call, int texts, Duration took) {}

    /** The scores of documents are there. The result names the model that gave them, which a fallback may be. */
    default void onScores(ModelCall call, RerankResult result, Duration took) {}

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

    /**
     * One listener that queues events for each of these. It never waits and throws nothing. Pass the same one to
     * several adapters for one queue over all of them.
     */
    static Mlx4jListener all(List<? extends Mlx4jListener> listeners) {
        return ListenerGroup.of(listeners);
    }
}
