package io.github.mlx4j.metrics;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.RerankResult;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;

/**
 * Records events as metrics in a Micrometer registry; {@code docs/observability.md} describes all meters.
 *
 * <pre>{@code
 * ProviderConfig config = ProviderConfig.builder().listener(new Mlx4jMetrics(registry)).build();
 * }</pre>
 *
 * <p>For circuit breakers, use the metrics of Resilience4j's own module:
 * {@code TaggedCircuitBreakerMetrics.ofCircuitBreakerRegistry(providers.circuitBreakers()).bindTo(registry)}.
 *
 * <p>One instance can listen to any number of factories. Thread-safe.
 */
public final class Mlx4jMetrics implements Mlx4jListener {

    private final CallMeters calls;
    private final WorkerMeters workers;

    /** Creates metrics in the given registry. Meters are registered when their first event occurs. */
    public Mlx4jMetrics(MeterRegistry registry) {
        calls = new CallMeters(registry);
        workers = new WorkerMeters(registry);
    }

    @Override
    public void onFirstToken(ModelCall call, Duration after) {
        calls.firstToken(call, after);
    }

    @Override
    public void onAnswer(ModelCall call, GenerationResult result, Duration took) {
        calls.answer(call, result, took);
    }

    @Override
    public void onVectors(ModelCall call, int texts, Duration took) {
        calls.vectors(call, took);
    }

    @Override
    public void onScores(ModelCall call, RerankResult result, Duration took) {
        calls.scores(call, result, took);
    }

    @Override
    public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
        calls.failure(call, error, took);
    }

    @Override
    public void onWorker(WorkerView worker, WorkerStatus.Event event) {
        workers.event(worker, event);
    }

    @Override
    public void onFallback(String from, String to, Mlx4jException error) {
        calls.fallback(from, to);
    }
}
