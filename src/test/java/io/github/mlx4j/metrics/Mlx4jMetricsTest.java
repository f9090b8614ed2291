package io.github.mlx4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.resilience4j.micrometer.tagged.TaggedCircuitBreakerMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.CountAtBucket;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uses the fake worker, whose answers are specified by the requests. */
@Timeout(60)
class Mlx4jMetricsTest {

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Mlx4jMetrics metrics = new Mlx4jMetrics(registry);

    @TempDir
    private Path folder;

    @Test
    void shouldHaveTheMetersThatAreDocumented() throws IOException {
        try (ProviderFactory providers = factory(List.of(ProviderKind.HF))) {
            TaggedCircuitBreakerMetrics.ofCircuitBreakerRegistry(providers.circuitBreakers())
                    .bindTo(registry);
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            llm.generate("Hello");
            providers.createEmbeddingAdapter().embed("a");
            assertThatThrownBy(() -> llm.generate("{\"exit\":3}")).isInstanceOf(WorkerDiedException.class);

            await().untilAsserted(
                            () -> assertThat(MetricsPage.registered(registry)).isEqualTo(MetricsPage.documented()));
            await().untilAsserted(() -> assertThat(registry.scrape()).contains("error_type=\"WORKER_DIED\""));
            assertThat(registry.scrape())
                    .as("Prometheus takes meters of one name with the same tags only")
                    .contains("error_type=\"WORKER_DIED\"", "error_type=\"none\"")
                    .contains("mlx4j_fallbacks_total{from=\"mlx\",to=\"hf\"} 1.0")
                    .contains("mlx4j_worker_state{model=\"some/model\",provider=\"mlx\",state=\"ready\"}");
        }
    }

    @Test
    void shouldCountAndTimeAnswers() throws IOException {
        try (ProviderFactory providers = factory(List.of())) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();

            llm.generate("Hello");
            llm.generate("Hi");
        }
        await().until(() -> closed() == 1); // the last event

        assertThat(registry.get("gen_ai.client.operation.duration")
                        .tags("gen_ai.operation.name", "chat", "gen_ai.provider.name", "mlx")
                        .tags("gen_ai.request.model", "some/model", "gen_ai.response.model", "some/model")
                        .tags("error.type", "none")
                        .timer()
                        .count())
                .isEqualTo(2);
        assertThat(registry.get("gen_ai.client.token.usage")
                        .tag("gen_ai.token.type", "output")
                        .summary()
                        .totalAmount())
                .as("a token is a character, and there is one that ends")
                .isEqualTo(5 + 1 + 2 + 1);
        assertThat(registry.get("gen_ai.client.operation.time_to_first_chunk")
                        .timer()
                        .count())
                .isEqualTo(2);
    }

    @Test
    void shouldShowAWorkerUntilItIsClosed() throws IOException {
        try (ProviderFactory providers = factory(List.of())) {
            providers.warmUp();
            await().until(() -> state("ready") == 1);

            assertThat(state("starting")).isZero();
            assertThat(registry.get("mlx4j.worker.requests.open").gauge().value())
                    .isZero();
            assertThat(registry.get("mlx4j.worker.memory")
                            .tag("kind", "active")
                            .gauge()
                            .value())
                    .isZero();
            assertThat(registry.get("mlx4j.worker.memory")
                            .tag("kind", "cache")
                            .gauge()
                            .value())
                    .isNaN();
            assertThatThrownBy(() -> providers.createTextGenerationAdapter().generate("{\"exit\":3}"))
                    .isInstanceOf(WorkerDiedException.class);
            assertThat(registry.get("mlx4j.worker.failures").functionCounter().count())
                    .as("it was sent twice")
                    .isEqualTo(2);
        }

        await().untilAsserted(() ->
                assertThat(registry.find("mlx4j.worker.state").meters()).isEmpty());
        assertThat(registry.find("mlx4j.worker.memory").meters()).isEmpty();
        assertThat(registry.get("mlx4j.worker.events")
                        .tag("event", "closed")
                        .counter()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void shouldShowAWorkerThatWasStoppedForAnotherUntilItIsClosed() throws IOException {
        ProviderConfig config = config(List.of())
                .model(ProviderKind.MLX, ModelRole.ROUTER, "another/model")
                .pool(WorkerPoolConfig.builder().maxWorkers(1).build())
                .build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            providers.warmUp(ModelRole.GENERAL, ModelRole.ROUTER);

            await().untilAsserted(() -> assertThat(registry.get("mlx4j.worker.state")
                            .tags("model", "some/model", "state", "stopped")
                            .gauge()
                            .value())
                    .isEqualTo(1));
        }
        await().until(() -> closed() == 2);

        assertThat(registry.find("mlx4j.worker.state").meters()).isEmpty();
    }

    @Test
    void shouldAddUpWorkersOfOneModelInSeveralFactories() throws IOException {
        try (ProviderFactory first = factory(List.of())) {
            first.warmUp();
            try (ProviderFactory second = factory(List.of())) {
                second.warmUp();
                await().until(() -> state("ready") == 2);
            }

            await().untilAsserted(() -> assertThat(state("ready"))
                    .as("the other one is still there")
                    .isEqualTo(1));
        }
        await().until(() -> closed() == 2);

        assertThat(registry.find("mlx4j.worker.state").meters()).isEmpty();
    }

    @Test
    void shouldTellTheEnginesTimesInTheBucketsOfTheConventions() {
        metrics.onAnswer(call(), answer(ProviderKind.HF, 5), Duration.ofSeconds(3));

        assertThat(seconds("gen_ai.client.operation.duration")).isEqualTo(3);
        assertThat(seconds("gen_ai.server.request.duration")).isEqualTo(2.5);
        assertThat(seconds("gen_ai.server.time_to_first_token")).isEqualTo(0.5);
        assertThat(seconds("gen_ai.server.time_per_output_token")).isEqualTo(0.5);
        assertThat(buckets("gen_ai.client.operation.duration"))
                .containsExactly(
                        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92);
        assertThat(buckets("gen_ai.server.time_to_first_token"))
                .containsExactly(
                        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0);
        assertThat(buckets("gen_ai.server.time_per_output_token"))
                .containsExactly(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5);
        assertThat(Arrays.stream(registry.get("gen_ai.client.token.usage")
                                .tag("gen_ai.token.type", "input")
                                .summary()
                                .takeSnapshot()
                                .histogramCounts())
                        .mapToDouble(CountAtBucket::bucket)
                        .filter(Double::isFinite)
                        .boxed())
                .startsWith(1.0, 4.0, 16.0)
                .endsWith(67_108_864.0)
                .hasSize(14);
    }

    @Test
    void shouldTellNoEngineTimesOfARemoteProviderNorOfOneToken() {
        metrics.onAnswer(call(), answer(ProviderKind.OPENAI, 5), Duration.ofSeconds(3));

        assertThat(registry.find("gen_ai.server.request.duration").meters()).isEmpty();

        metrics.onAnswer(call(), answer(ProviderKind.MLX, 1), Duration.ofSeconds(3));

        assertThat(registry.find("gen_ai.server.request.duration").meters()).hasSize(1);
        assertThat(registry.find("gen_ai.server.time_per_output_token").meters())
                .isEmpty();
    }

    /** How many workers were closed, as far as the listener has been notified. */
    private double closed() {
        return registry.find("mlx4j.worker.events").tag("event", "closed").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    private double state(String state) {
        return registry.get("mlx4j.worker.state").tag("state", state).gauge().value();
    }

    private double seconds(String name) {
        return registry.get(name).timer().totalTime(TimeUnit.SECONDS);
    }

    private List<Double> buckets(String name) {
        Timer timer = registry.get(name).timer();
        return Arrays.stream(timer.takeSnapshot().histogramCounts())
                .map(count -> count.bucket(TimeUnit.SECONDS))
                .filter(bucket -> bucket < 1e6) // the last has no bound
                .toList();
    }

    private static ModelCall call() {
        return new ModelCall(UUID.randomUUID(), ModelCall.Operation.CHAT, ProviderKind.MLX, "asked");
    }

    private static GenerationResult answer(ProviderKind provider, int tokens) {
        return new GenerationResult(
                "text",
                "",
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                FinishReason.STOP,
                null,
                new Usage(7, tokens),
                new Timings(
                        Duration.ofMillis(200), Duration.ofMillis(300), Duration.ofMillis(500), Duration.ofSeconds(2)),
                new Backend(provider, "answering", "cpu"));
    }

    private ProviderFactory factory(List<ProviderKind> fallback) throws IOException {
        return ProviderFactory.create(config(fallback).build());
    }

    private ProviderConfig.Builder config(List<ProviderKind> fallback) throws IOException {
        String python = StubPython.withFakeWorker(folder.resolve("stub")).toString();
        return ProviderConfig.builder()
                .provider(ProviderKind.MLX)
                .fallback(fallback)
                .model(ProviderKind.MLX, "some/model")
                .model(ProviderKind.HF, "some/model")
                .interpreter(ProviderKind.MLX, python)
                .interpreter(ProviderKind.HF, python)
                .allowAnyPlatform(true)
                .home(folder.resolve("home"))
                .listener(metrics);
    }
}
