package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.RecordingListener;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.ProviderKind;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Uses the fake worker, which scores a document by its length plus that of the query, divided by 100 characters. */
@Timeout(60)
class FallbackRerankerTest {

    private static final String CANT_LOAD = "{\"error\":\"ModelLoadFailed\"}";
    private static final String DIES = "{\"exit\":3}";

    private final CircuitBreakerRegistry breakers =
            CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build());
    private final RecordingListener heard = new RecordingListener();
    private final List<SubprocessAdapter> workers = new ArrayList<>();

    @AfterEach
    void close() {
        workers.forEach(SubprocessAdapter::close);
    }

    @Test
    void shouldScoreByTheFirstAndTellItOnce() {
        RerankResult result = reranker("a", "b").rerank("ab", List.of("c", "def"));

        assertThat(result.scores()).containsExactly(0.03, 0.05);
        assertThat(result.backend().provider()).isEqualTo(ProviderKind.MLX);
        assertThat(result.ranked()).containsExactly(new RerankResult.Ranked(1, 0.05), new RerankResult.Ranked(0, 0.03));
        await().untilAsserted(
                        () -> assertThat(heard.lines()).containsExactly("start rerank mlx a", "scores [0.03, 0.05]"));
    }

    @Test
    void shouldAskTheFallbackWhenTheFirstCantLoadItsModel() {
        RerankResult result = reranker(CANT_LOAD, "b").rerank("ab", List.of("c"));

        assertThat(result.backend().provider()).isEqualTo(ProviderKind.HF);
        await().untilAsserted(() ->
                assertThat(heard.lines()).containsExactly("start rerank mlx " + CANT_LOAD, "scores [0.03]"));
    }

    @Test
    void shouldNotMoveOnWhenTheRequestIsWrong() {
        FallbackReranker reranker = reranker("a", "b");

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> reranker.rerank("ab", List.of()))
                .withMessageContaining("documents must be a list of 1 to 1024");
        assertThat(workers.get(1).status().state()).isEqualTo(WorkerStatus.State.STOPPED);
    }

    @Test
    void shouldFailWithTheFirstErrorWhenNoModelIsAReranker() {
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> reranker("a", "b").rerank(RerankRequest.of("refuse", List.of("c"))))
                .withMessageContaining("This model is no reranker.");
        assertThat(workers.get(1).status().state()).as("it was asked too").isEqualTo(WorkerStatus.State.READY);
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> reranker(CANT_LOAD, "b").rerank("refuse", List.of("c")))
                .satisfies(error -> assertThat(error.getSuppressed()).hasSize(1));
    }

    @Test
    void shouldLeaveAWorkerOutThatFailedTooOften() {
        FallbackReranker reranker = reranker(DIES, "b");

        for (int i = 0; i < 4; i++) {
            assertThat(reranker.rerank("ab", List.of("c")).scores()).containsExactly(0.03);
        }

        assertThat(breakers.circuitBreaker("mlx").getState()).isEqualTo(CircuitBreaker.State.OPEN);
        assertThat(breakers.circuitBreaker("mlx").getMetrics().getNumberOfNotPermittedCalls())
                .isEqualTo(1);
    }

    private FallbackReranker reranker(String mlx, String hf) {
        Map<String, SubprocessAdapter> named = new LinkedHashMap<>();
        named.put("mlx", new MlxSubprocessAdapter(settings(mlx)));
        named.put("hf", new HfSubprocessAdapter(settings(hf)));
        workers.addAll(0, named.values());
        return new FallbackReranker(named, breakers, null);
    }

    private WorkerSettings settings(String model) {
        return new WorkerSettings(
                model,
                false,
                FakeWorker::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                WorkerConfig.builder().listener(heard).build());
    }
}
