package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells several listeners, each whatever the others throw. */
final class ListenerGroup implements Mlx4jListener {

    private static final Logger log = LoggerFactory.getLogger(Mlx4jListener.class);

    private final List<Mlx4jListener> listeners;
    private final Set<Class<?>> known = ConcurrentHashMap.newKeySet(); // those whose exceptions have been logged

    ListenerGroup(List<Mlx4jListener> listeners) {
        this.listeners = listeners;
    }

    @Override
    public void onStart(ModelCall call) {
        tell(listener -> listener.onStart(call));
    }

    @Override
    public void onFirstToken(ModelCall call, Duration after) {
        tell(listener -> listener.onFirstToken(call, after));
    }

    @Override
    public void onAnswer(ModelCall call, GenerationResult result, Duration took) {
        tell(listener -> listener.onAnswer(call, result, took));
    }

    @Override
    public void onVectors(ModelCall call, int texts, Duration took) {
        tell(listener -> listener.onVectors(call, texts, took));
    }

    @Override
    public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
        tell(listener -> listener.onFailure(call, error, took));
    }

    @Override
    public void onWorker(WorkerView worker, WorkerStatus.Event event) {
        tell(listener -> listener.onWorker(worker, event));
    }

    @Override
    public void onMemory(WorkerView worker, WorkerMemory memory) {
        tell(listener -> listener.onMemory(worker, memory));
    }

    @Override
    public void onBreaker(String provider, BreakerState state) {
        tell(listener -> listener.onBreaker(provider, state));
    }

    @Override
    public void onFallback(String from, String to, Mlx4jException error) {
        tell(listener -> listener.onFallback(from, to, error));
    }

    private void tell(Consumer<Mlx4jListener> what) {
        for (Mlx4jListener listener : listeners) {
            try {
                what.accept(listener);
            } catch (RuntimeException | Error thrown) { // a jar that is missing or of another version, too
                if (known.add(listener.getClass())) {
                    log.warn("A listener threw; it goes on to be told, and this is not logged again", thrown);
                }
            }
        }
    }
}
