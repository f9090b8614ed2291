package io.github.mlx4j.adapter;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reranks with the first of several workers and falls back to the next one when a worker fails. It follows the rules of
 * {@link FallbackAdapter} and uses its circuit breakers. In addition, a request falls back if the worker's model is not
 * a reranker. All scores of a result come from a single model, which the result names. Thread-safe.
 */
public final class FallbackReranker implements RerankPort {

    private static final Logger log = LoggerFactory.getLogger(FallbackReranker.class);

    private final List<Guarded> workers;
    private final @Nullable Mlx4jListener listener;

    private record Guarded(String name, SubprocessAdapter worker, CircuitBreaker breaker) {}

    /**
     * Creates a reranker over named workers, in order of preference. Closing the workers remains the caller's
     * responsibility.
     *
     * @param workers one or more workers, in the order in which they are tried
     * @param breakers the registry that holds or creates each worker's circuit breaker, by the worker's name
     * @param listener receives the events of new breakers and of fallbacks
     */
    public FallbackReranker(
            Map<String, SubprocessAdapter> workers, CircuitBreakerRegistry breakers, @Nullable Mlx4jListener listener) {
        this.listener = listener == null ? null : Mlx4jListener.all(List.of(listener));
        this.workers = workers.entrySet().stream()
                .map(worker -> new Guarded(
                        worker.getKey(),
                        worker.getValue(),
                        FallbackAdapter.breaker(worker.getKey(), breakers, this.listener)))
                .toList();
    }

    @Override
    public RerankResult rerank(RerankRequest request) {
        return workers.get(0).worker().observer().scores(request.documents().size(), () -> ask(request));
    }

    private RerankResult ask(RerankRequest request) {
        List<Mlx4jException> failures = new ArrayList<>();
        for (int i = 0; i < workers.size(); i++) {
            Guarded one = workers.get(i);
            boolean isFallback = !failures.isEmpty();
            if (!one.breaker().tryAcquirePermission()) {
                failures.add(FallbackAdapter.open(one.name()));
                continue;
            }
            long begun = System.nanoTime();
            try {
                RerankResult result = one.worker().scores(request);
                one.breaker().onSuccess(System.nanoTime() - begun, TimeUnit.NANOSECONDS);
                return result;
            } catch (Throwable thrown) { // otherwise the breaker would keep the permit
                Mlx4jException error = Mlx4jException.of(thrown);
                if (FallbackAdapter.countsForBreaker(error, isFallback)) {
                    one.breaker().onError(System.nanoTime() - begun, TimeUnit.NANOSECONDS, error);
                } else {
                    one.breaker().releasePermission();
                }
                if (!FallbackAdapter.movesOn(error, isFallback) && !(error instanceof NotSupportedException)) {
                    throw error;
                }
                failures.add(error);
                if (i + 1 < workers.size()) {
                    tell(one.name(), workers.get(i + 1).name(), error);
                }
            }
        }
        throw FallbackAdapter.firstOf(failures);
    }

    private void tell(String from, String to, Mlx4jException error) {
        log.warn("{} can't rerank; falling back to {}: {}", from, to, error.reason());
        if (listener != null) {
            listener.onFallback(from, to, error);
        }
    }
}
