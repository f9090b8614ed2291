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
 * Sends each request to the first of several ports and falls back to the next one when a port fails. Thread-safe.
 *
 * <ul>
 *   <li>A request falls back only if no text or thinking has reached the caller yet, and only after a
 *       {@linkplain Mlx4jException#fault() fault} of the backend or of the model that runs on it. It never falls back
 *       after a cancellation, an invalid request, a prompt that is too long, or a model that doesn't exist.
 *   <li>Each port has a circuit breaker. If half of the last 10 requests failed (and there were at least 3), the port
 *       is skipped for 30 s; after that, a single trial request is let through. Only backend faults count, so one
 *       caller's bad requests cannot cut off a provider for everyone else.
 *   <li>A fallback port also counts as failed if it doesn't support the options set for all ports or doesn't have the
 *       model.
 *   <li>If all ports fail, the first port's error is thrown, with the other errors as suppressed exceptions.
 * </ul>
 */
public final class FallbackAdapter extends AbstractTextGenerationPort {

    private static final Duration LONGEST_TRIAL = Duration.ofMinutes(2);
    private static final Logger log = LoggerFactory.getLogger(FallbackAdapter.class);

    private final List<Guarded> ports;
    private final @Nullable Mlx4jListener listener;

    private record Guarded(String name, AbstractTextGenerationPort port, CircuitBreaker breaker) {}

    /**
     * Creates an adapter over named ports, in order of preference. Closing the ports remains the caller's
     * responsibility.
     */
    public FallbackAdapter(Map<String, ? extends AbstractTextGenerationPort> ports) {
        this(ports, CircuitBreakerRegistry.of(breakerDefaults().build()), null);
    }

    /**
     * Creates an adapter over named ports, in order of preference. Closing the ports remains the caller's
     * responsibility.
     *
     * @param ports the ports by name, in the order in which they are tried
     * @param breakers the registry that holds or creates each port's circuit breaker, by the port's name
     * @param listener receives the events of newly created breakers and of fallbacks, and the request events if the
     *     first port has the same listener; exceptions it throws are ignored
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

    /** Returns the circuit breaker of a provider by its name. A newly created breaker reports to the listener. */
    static CircuitBreaker breaker(String name, CircuitBreakerRegistry breakers, @Nullable Mlx4jListener listener) {
        boolean shared = breakers.find(name).isPresent(); // an existing breaker is reported by whoever created it
        CircuitBreaker breaker = breakers.circuitBreaker(name);
        if (!shared) {
            breaker.getEventPublisher().onStateTransition(event -> tell(listener, event));
            limitTrials(breaker, LONGEST_TRIAL);
        }
        return breaker;
    }

    /**
     * Opens a half-open breaker again if its trial request takes too long. Resilience4j's own
     * {@code maxWaitDurationInHalfOpenState} is not used because it starts a thread that never ends and keeps a
     * reference to the class loader of the program that called first.
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

    /** Returns the default circuit breaker configuration of this class, for building a registry. */
    public static CircuitBreakerConfig.Builder breakerDefaults() {
        return CircuitBreakerConfig.custom()
                .slidingWindowSize(10)
                .minimumNumberOfCalls(3)
                .failureRateThreshold(50)
                .slowCallDurationThreshold(Duration.ofDays(365)) // a long answer is not a failure
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

    /**
     * Returns whether to try the next provider. A fallback may lack the model or the options that the first port has.
     */
    static boolean movesOn(Mlx4jException error, boolean isFallback) {
        return switch (error.fault()) {
            case BACKEND, MODEL -> true;
            case SETUP -> isFallback;
            case CALLER -> isFallback && error instanceof NotSupportedException;
            case ENDED -> false;
        };
    }

    /** Returns whether an error predicts that later requests will fail. A fault in a single request does not. */
    static boolean countsForBreaker(Mlx4jException error, boolean isFallback) {
        return error.fault() == Fault.BACKEND || (isFallback && error.fault() == Fault.SETUP);
    }

    /** Creates the error for a provider whose circuit breaker is open. */
    static ProviderUnavailableException open(String name) {
        return new ProviderUnavailableException(
                "CIRCUIT_OPEN",
                "%s failed too often recently and is skipped for a while.".formatted(name),
                "Check the log for its errors.");
    }

    /** Returns the first of several errors, with the others as suppressed exceptions. */
    static Mlx4jException firstOf(List<Mlx4jException> failures) {
        Mlx4jException first = failures.get(0);
        failures.stream().skip(1).filter(other -> isNewTo(first, other)).forEach(first::addSuppressed);
        return first;
    }

    /** Prevents a port's shared exception from collecting a suppressed exception with every failed request. */
    private static boolean isNewTo(Mlx4jException first, Mlx4jException other) {
        return other != first
                && Arrays.stream(first.getSuppressed())
                        .map(Throwable::getMessage)
                        .noneMatch(other.getMessage()::equals);
    }

    /** A single request and its attempts on one port after another. */
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
            } catch (Throwable unstarted) { // otherwise the breaker would keep the permit and the caller would wait
                // forever
                watch.failed(Mlx4jException.of(unstarted));
                return;
            }
            boolean late;
            synchronized (this) {
                if (attempt == next) { // false if this attempt has already failed and the next one has started
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

        /** Forwards the answer to the caller's sink and records the outcome in the circuit breaker. */
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
                            "{} failed; falling back to {}: {}",
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
