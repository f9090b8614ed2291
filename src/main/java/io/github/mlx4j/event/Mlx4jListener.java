package io.github.mlx4j.event;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.RerankResult;
import java.time.Duration;
import java.util.List;

/**
 * Receives events about requests, workers and circuit breakers. By default, every method does nothing.
 *
 * <p>Each listener has its own daemon thread and queue of 1024 events, per configuration that contains it. Its methods
 * are called one at a time, in the order of the events, with a short delay: a caller may receive its answer before
 * {@link #onAnswer} is called. A listener never blocks a request. Its first exception is logged. If it is so slow that
 * its queue is full, further events are dropped, and a warning reports how many. While there is a listener, each worker
 * has a thread that polls its memory.
 *
 * <p>The events of one call are {@link #onStart}, then {@link #onFirstToken} if a token was generated, then exactly one
 * of {@link #onAnswer}, {@link #onVectors}, {@link #onScores} and {@link #onFailure}. They are sent once per call,
 * regardless of retries and fallbacks.
 */
public interface Mlx4jListener {

    /** A call for an answer, embeddings or scores started. */
    default void onStart(ModelCall call) {}

    /** The first piece of an answer, text or thinking, was generated this long after the start. */
    default void onFirstToken(ModelCall call, Duration after) {}

    /** An answer is complete. It names its provider, which differs from that of the call after a fallback. */
    default void onAnswer(ModelCall call, GenerationResult result, Duration took) {}

    /** The embeddings of this many texts are complete. */
    default void onVectors(ModelCall call, int texts, Duration took) {}

    /** The scores of documents are complete. The result names the model that computed them, which may be a fallback. */
    default void onScores(ModelCall call, RerankResult result, Duration took) {}

    /** A call failed, was cancelled or exceeded its deadline. */
    default void onFailure(ModelCall call, Mlx4jException error, Duration took) {}

    /**
     * The state of a worker changed: it is starting, became ready, failed, was stopped because it was idle, or was
     * closed.
     */
    default void onWorker(WorkerView worker, WorkerStatus.Event event) {}

    /** The memory of a worker: once after its start, then periodically. */
    default void onMemory(WorkerView worker, WorkerMemory memory) {}

    /** The circuit breaker of a provider changed state. */
    default void onBreaker(String provider, BreakerState state) {}

    /** A provider failed before its first token, so the request goes to another one. */
    default void onFallback(String from, String to, Mlx4jException error) {}

    /**
     * A listener that queues events for each of these listeners and never blocks or throws. Pass the same instance to
     * several adapters to share one queue per listener.
     */
    static Mlx4jListener all(List<? extends Mlx4jListener> listeners) {
        return ListenerGroup.of(listeners);
    }
}
