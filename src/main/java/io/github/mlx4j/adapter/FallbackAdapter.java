package io.github.mlx4j.adapter;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.DownloadException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.BreakerState;
import io.github.mlx4j.port.Cancellation;
import io.github.mlx4j.port.GenerationEvent;
import io.github.mlx4j.port.GenerationRequest;
import io.github.mlx4j.port.GenerationResult;
import io.github.mlx4j.port.GenerationSink;
import io.github.mlx4j.port.Mlx4jListener;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import io.github.resilience4j.circuitbreaker.event.CircuitBreakerOnStateTransitionEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Several ports, the next standing in where one fails. Thread-safe.
 *
 * <ul>
 *   <li>A request moves on only before its first piece of text or thinking reached the caller, and only for a fault of
 *       the backend: never for a cancel, a bad request, a prompt that is too long, or a model that isn't there.
 *   <li>Each port has a circuit breaker: over the last 10 requests (3 at least), half of them failed: for 30 s it is
 *       left out; then one request tries it again.
 *   <li>A port that stands in, but can't have the options that were meant for all, or has no such model, failed too.
 *   <li>If all fail, the first one's error is thrown, with the others' as suppressed.
 * </ul>
 */
public final class FallbackAdapter extends AbstractTextGenerationPort {

    private static final Logger log = LoggerFactory.getLogger(FallbackAdapter.class);

    private final List<Guarded> ports;
    private final @Nullable Mlx4jListener listener;

    private record Guarded(String name, AbstractTextGenerationPort port, CircuitBreaker breaker) {}

    /** Creates it over ports by name, first choice first. They are not closed by it. */
    public FallbackAdapter(Map<String, ? extends AbstractTextGenerationPort> ports) {
        this(ports, CircuitBreakerRegistry.of(breakerDefaults().build()), null);
    }

    /**
     * Creates it over ports by name, first choice first. They are not closed by it.
     *
     * @param ports who is asked, in order
     * @param breakers has, or makes, the circuit breaker of each port, by the port's name
     * @param listener hears of the breakers that are made, and of ports that stand in, and of requests if the first
     *     port has it too; what it throws hurts nothing
     */
    public FallbackAdapter(
            Map<String, ? extends AbstractTextGenerationPort> ports,
            CircuitBreakerRegistry breakers,
            @Nullable Mlx4jListener listener) {
        this.listener = listener == null ? null : Mlx4jListener.all(List.of(listener));
        this.ports = ports.entrySet().stream()
                .map(port -> new Guarded(port.getKey(), port.getValue(), breaker(port.getKey(), breakers)))
                .toList();
    }

    private CircuitBreaker breaker(String name, CircuitBreakerRegistry breakers) {
        boolean shared = breakers.find(name).isPresent(); // then whoever made it tells of it
        CircuitBreaker breaker = breakers.circuitBreaker(name);
        if (!shared) {
            breaker.getEventPublisher().onStateTransition(this::tell);
        }
        return breaker;
    }

    /** Breakers as this class has them by default, to make a registry of. */
    public static CircuitBreakerConfig.Builder breakerDefaults() {
        return CircuitBreakerConfig.custom()
                .slidingWindowSize(10)
                .minimumNumberOfCalls(3)
                .failureRateThreshold(50)
                .slowCallDurationThreshold(Duration.ofDays(365)) // a long answer is no fault
                .waitDurationInOpenState(Duration.ofSeconds(30))
                .permittedNumberOfCallsInHalfOpenState(1)
                .maxWaitDurationInHalfOpenState(Duration.ofMinutes(2));
    }

    @Override
    public GenerationSink observed(GenerationRequest request, GenerationSink sink) {
        return ports.get(0).port().observed(request, sink);
    }

    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        Attempts attempts = new Attempts(request, sink);
        attempts.next();
        return attempts;
    }

    private void tell(CircuitBreakerOnStateTransitionEvent event) {
        if (listener != null) {
            BreakerState state = switch (event.getStateTransition().getToState()) {
                case OPEN, FORCED_OPEN -> BreakerState.OPEN;
                case HALF_OPEN -> BreakerState.HALF_OPEN;
                case CLOSED, DISABLED, METRICS_ONLY -> BreakerState.CLOSED;
            };
            listener.onBreaker(event.getCircuitBreakerName(), state);
        }
    }

    /** Whether another backend may do better than the one that failed like this. */
    private static boolean isFaultOfBackend(Mlx4jException error) {
        return error instanceof WorkerDiedException
                || error instanceof WorkerHungException
                || error instanceof WorkerStartException
                || error instanceof WorkerOutOfMemoryException
                || error instanceof EngineException
                || error instanceof ProtocolException
                || error instanceof DependencyMissingException
                || error instanceof DownloadException
                || error instanceof ModelLoadException
                || error instanceof ProviderUnavailableException;
    }

    /** Whether a backend that stands in can't serve what was meant for all, or for another. */
    private static boolean isRefusal(Mlx4jException error) {
        return error instanceof ConfigurationException
                || error instanceof NotSupportedException
                || error instanceof ModelNotFoundException;
    }

    /** One request, from port to port. */
    private final class Attempts implements Cancellation {

        private final GenerationRequest request;
        private final GenerationSink sink;
        private final List<Mlx4jException> failures = new ArrayList<>();
        private int next;
        private boolean cancelled;
        private @Nullable Cancellation running;

        Attempts(GenerationRequest request, GenerationSink sink) {
            this.request = request;
            this.sink = sink;
        }

        void next() {
            while (next < ports.size()) {
                Guarded port = ports.get(next++);
                if (!port.breaker().tryAcquirePermission()) {
                    failures.add(new ProviderUnavailableException(
                            "CIRCUIT_OPEN",
                            "%s failed too often lately and is left out for a while.".formatted(port.name()),
                            "Look for its errors in the log."));
                } else {
                    run(port, next);
                    return;
                }
            }
            allFailed();
        }

        private void run(Guarded port, int attempt) {
            Cancellation started = port.port().start(request, new Watch(port));
            boolean late;
            synchronized (this) {
                if (attempt == next) { // it has not failed and moved on meanwhile
                    running = started;
                }
                late = cancelled;
            }
            if (late) {
                started.cancel();
            }
        }

        @Override
        public void cancel() {
            Cancellation current;
            synchronized (this) {
                cancelled = true;
                current = running;
            }
            if (current != null) {
                current.cancel();
            }
        }

        private synchronized boolean isCancelled() {
            return cancelled;
        }

        private void allFailed() {
            Mlx4jException first = failures.get(0);
            failures.stream().skip(1).filter(other -> isNewTo(first, other)).forEach(first::addSuppressed);
            sink.failed(first);
        }

        /** A port may fail many requests with one and the same error, which must not grow with each of them. */
        private static boolean isNewTo(Mlx4jException first, Mlx4jException other) {
            return other != first
                    && Arrays.stream(first.getSuppressed())
                            .map(Throwable::getMessage)
                            .noneMatch(other.getMessage()::equals);
        }

        /** Passes an answer on and tells the breaker how it went. */
        private final class Watch implements GenerationSink {

            private final Guarded port;
            private final long begun = System.nanoTime();
            private boolean anyOutput;

            Watch(Guarded port) {
                this.port = port;
            }

            @Override
            public void text(GenerationEvent.Text text) {
                anyOutput = true;
                sink.text(text);
            }

            @Override
            public void thinking(GenerationEvent.Thinking thinking) {
                anyOutput = true;
                sink.thinking(thinking);
            }

            @Override
            public void completed(GenerationResult result) {
                port.breaker().onSuccess(System.nanoTime() - begun, TimeUnit.NANOSECONDS);
                sink.completed(result);
            }

            @Override
            public void failed(Mlx4jException error) {
                boolean refusal = isRefusal(error) && !failures.isEmpty();
                boolean fault = isFaultOfBackend(error) || refusal;
                if (fault) {
                    port.breaker().onError(System.nanoTime() - begun, TimeUnit.NANOSECONDS, error);
                } else {
                    port.breaker().releasePermission();
                }
                if (anyOutput || !fault) {
                    sink.failed(error);
                    return;
                }
                failures.add(error);
                if (isCancelled()) {
                    sink.failed(new CancelledException("The request was cancelled while it failed.", "", error));
                } else if (next < ports.size()) {
                    log.warn(
                            "{} failed, so {} is asked: {}",
                            port.name(),
                            ports.get(next).name(),
                            error.reason());
                    if (listener != null) {
                        listener.onFallback(port.name(), ports.get(next).name(), error);
                    }
                    next();
                } else {
                    allFailed();
                }
            }
        }
    }
}
