package io.github.mlx4j.event;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.RerankResult;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** Adds each event to the queues of several listeners. Never blocks or throws. */
final class ListenerGroup implements Mlx4jListener {

    private final List<ListenerQueue> queues;

    private ListenerGroup(List<ListenerQueue> queues) {
        this.queues = queues;
    }

    /** A group of these listeners; it shares the queues of listeners that are groups themselves. */
    static ListenerGroup of(List<? extends Mlx4jListener> listeners) {
        if (listeners.size() == 1 && listeners.get(0) instanceof ListenerGroup group) {
            return group;
        }
        return new ListenerGroup(listeners.stream()
                .flatMap(listener -> listener instanceof ListenerGroup group
                        ? group.queues.stream()
                        : List.of(new ListenerQueue(listener)).stream())
                .toList());
    }

    @Override
    public void onStart(ModelCall call) {
        notifyAll(listener -> listener.onStart(call));
    }

    @Override
    public void onFirstToken(ModelCall call, Duration after) {
        notifyAll(listener -> listener.onFirstToken(call, after));
    }

    @Override
    public void onAnswer(ModelCall call, GenerationResult result, Duration took) {
        notifyAll(listener -> listener.onAnswer(call, result, took));
    }

    @Override
    public void onVectors(ModelCall call, int texts, Duration took) {
        notifyAll(listener -> listener.onVectors(call, texts, took));
    }

    @Override
    public void onScores(ModelCall call, RerankResult result, Duration took) {
        notifyAll(listener -> listener.onScores(call, result, took));
    }

    @Override
    public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
        notifyAll(listener -> listener.onFailure(call, error, took));
    }

    @Override
    public void onWorker(WorkerView worker, WorkerStatus.Event event) {
        notifyAll(listener -> listener.onWorker(worker, event));
    }

    @Override
    public void onMemory(WorkerView worker, WorkerMemory memory) {
        notifyAll(listener -> listener.onMemory(worker, memory));
    }

    @Override
    public void onBreaker(String provider, BreakerState state) {
        notifyAll(listener -> listener.onBreaker(provider, state));
    }

    @Override
    public void onFallback(String from, String to, Mlx4jException error) {
        notifyAll(listener -> listener.onFallback(from, to, error));
    }

    private void notifyAll(Consumer<Mlx4jListener> event) {
        queues.forEach(queue -> queue.add(event));
    }
}
