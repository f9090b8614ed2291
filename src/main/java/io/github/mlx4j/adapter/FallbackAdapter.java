package io.github.mlx4j.adapter;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.event.BreakerState;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.internal.threads.Timer;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import io.github.resilience4j.circuitbreaker.event.CircuitBreakerOnStateTransitionEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Several ports; when one fails, the next is the fallback. Thread-safe.
 *
 * <ul>
 *   <li>A request moves on only before its first piece of text or thinking reached the caller, and only after a
 *       {@linkplain Mlx4jException#fault() fault} of the backend or of the model on it: never after a cancel, an
 *       invalid request, a prompt that is too long, or if the model doesn't exist.
 *   <li>Each port has a circuit breaker: if half of the last 10 requests failed (of at least 3), the port is skipped
 *       for 30 s; then one request tries it again. Only faults of the backend count, so that no caller's requests can
 *       shut a provider off for others.
 *   <li>A fallback that doesn't support the options that were meant for all, or doesn't have the model, failed too.
 *   <li>If all fail, the first one's error is thrown, with the others' as suppressed.
 * </ul>
 */
public final class FallbackAdapter extends AbstractTextGenerationPort {

    private static final Duration LONGEST_TRIAL = Duration.ofMinutes(2);
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
                .map(port ->
                        new Guarded(port.getKey(), port.getValue(), breaker(port.getKey(), breakers, this.listener)))
                .toList();
    }

    /** The circuit breaker of a provider, by its name; a new one reports to the listener. */
    static CircuitBreaker breaker(String name, CircuitBreakerRegistry breakers, @Nullable Mlx4jListener listener) {
        boolean shared = breakers.find(name).isPresent(); // then whoever made it tells of it
        CircuitBreaker breaker = breakers.circuitBreaker(name);
        if (!shared) {
            breaker.getEventPublisher().onStateTransition(event -> tell(listener, event));
            limitTrials(breaker, LONGEST_TRIAL);
        }
        return breaker;
    }

    /**
     * Opens a half-open breaker again if its trial takes too long. Resilience4j's own
     * {@code maxWaitDurationInHalfOpenState} starts a thread that never ends and keeps the class loader of the program
     * that called first.
     */
    static void limitTrials(CircuitBreaker breaker, Duration longest) {
        AtomicReference<@Nullable Future<?>> timer = new AtomicReference<>();
        breaker.getEventPublisher().onStateTransition(event -> {
            Future<?> running = timer.get();
            if (running != null) {
                running.cancel(false);
            }
            if (event.getStateTransition().getToState() == CircuitBreaker.State.HALF_OPEN) {
                timer.set(Timer.after(longest, "mlx4j-breaker", () -> {
                    if (breaker.getState() == CircuitBreaker.State.HALF_OPEN) {
                        breaker.transitionToOpenState();
                    }
                }));
            }
        });
    }

    /** Breakers as this class has them by default, to make a registry of. */
    public static CircuitBreakerConfig.Builder breakerDefaults() {
        return CircuitBreakerConfig.custom()
                .slidingWindowSize(10)
                .minimumNumberOfCalls(3)
                .failureRateThreshold(50)
                .slowCallDurationThreshold(Duration.ofDays(365)) // a long answer is no fault
                .waitDurationInOpenState(Duration.ofSeconds(30))
                .permittedNumberOfCallsInHalfOpenState(1);
    }

    @Override
    public Optional<String> modelName() {
        return ports.get(0).port().modelName();
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

    private static void tell(@Nullable Mlx4jListener listener, CircuitBreakerOnStateTransitionEvent event) {
        if (listener != null) {
            BreakerState state = switch (event.getStateTransition().getToState()) {
                case OPEN, FORCED_OPEN -> BreakerState.OPEN;
                case HALF_OPEN -> BreakerState.HALF_OPEN;
                case CLOSED, DISABLED, METRICS_ONLY -> BreakerState.CLOSED;
            };
            listener.onBreaker(event.getCircuitBreakerName(), state);
        }
    }

    /** Whether another provider may do better. One that is the fallback may not have what the first one has. */
    static boolean movesOn(Mlx4jException error, boolean isFallback) {
        return switch (error.fault()) {
            case BACKEND, MODEL -> true;
            case SETUP -> isFallback;
            case CALLER -> isFallback && error instanceof NotSupportedException;
            case ENDED -> false;
        };
    }

    /** Whether an error says something about requests to come, which no fault of one request does. */
    static boolean countsForBreaker(Mlx4jException error, boolean isFallback) {
        return error.fault() == Fault.BACKEND || (isFallback && error.fault() == Fault.SETUP);
    }

    /** The error of a provider whose circuit breaker is open. */
    static ProviderUnavailableException open(String name) {
        return new ProviderUnavailableException(
                "CIRCUIT_OPEN",
                "%s has failed too often recently and is skipped for a while.".formatted(name),
                "Check the log for its errors.");
    }

    /** The first of several errors, with the others as suppressed. */
    static Mlx4jException firstOf(List<Mlx4jException> failures) {
        Mlx4jException first = failures.get(0);
        failures.stream().skip(1).filter(other -> isNewTo(first, other)).forEach(first::addSuppressed);
        return first;
    }

    /** A port may fail many requests with one and the same error, which must not grow with each of them. */
    private static boolean isNewTo(Mlx4jException first, Mlx4jException other) {
        return other != first
                && Arrays.stream(first.getSuppressed())
                        .map(Throwable::getMessage)
                        .noneMatch(other.getMessage()::equals);
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
                    failures.add(open(port.name()));
                } else {
                    run(port, next);
                    return;
                }
            }
            allFailed();
        }

        private void run(Guarded port, int attempt) {
            Watch watch = new Watch(port);
            Cancellation started;
            try {
                started = port.port().start(request, watch);
            } catch (Throwable unstarted) { // else the breaker would wait for the permit, and the caller for an end
                watch.failed(Mlx4jException.of(unstarted));
                return;
            }
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
            sink.failed(firstOf(failures));
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
                boolean isFallback = !failures.isEmpty();
                if (countsForBreaker(error, isFallback)) {
                    port.breaker().onError(System.nanoTime() - begun, TimeUnit.NANOSECONDS, error);
                } else {
                    port.breaker().releasePermission();
                }
                if (anyOutput || !movesOn(error, isFallback)) {
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
