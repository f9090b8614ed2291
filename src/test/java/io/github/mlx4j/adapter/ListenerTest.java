package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.RecordingListener;
import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.event.BreakerState;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.RemoteAdapter;
import io.github.mlx4j.remote.RemoteConfig;
import io.github.mlx4j.remote.RemoteProvider;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests which events of requests, workers and breakers a listener receives. Uses the fake worker. */
@Timeout(60)
class ListenerTest {

    private static final String START = "start chat mlx fake";

    private final RecordingListener heard = new RecordingListener();
    private SubprocessAdapter adapter =
            adapter("fake", WorkerConfig.builder().listener(heard).build());

    @AfterEach
    void close() {
        adapter.close();
    }

    @Test
    void shouldHearTheStoryOfARequestAndOfItsWorker() {
        adapter.generate("Hi");
        await().until(() -> heard.events().contains("ready"));
        adapter.close();

        await().untilAsserted(() -> assertThat(heard.lines()).containsExactly(START, "first token", "answer Hi"));
        assertThat(heard.calls()).hasSize(3).containsOnly(heard.calls().get(0));
        await().untilAsserted(() -> assertThat(heard.events()).containsExactly("starting", "ready", "closed"));
        assertThat(heard.workers())
                .isNotEmpty()
                .containsOnly(heard.workers().get(0))
                .allSatisfy(worker -> {
                    assertThat(worker.provider()).isEqualTo(ProviderKind.MLX);
                    assertThat(worker.model()).isEqualTo("fake");
                    assertThat(worker.status().state()).isEqualTo(WorkerStatus.State.CLOSED);
                });
        assertThat(adapter.provider()).isEqualTo(ProviderKind.MLX);
        assertThat(adapter.model()).isEqualTo("fake");
    }

    @Test
    void shouldTellCallsApartAndWhatTheyAskFor() {
        adapter.generate(GenerationRequest.raw("Hi"));
        adapter.embed(List.of("a", "b"));
        adapter.rerank("query", List.of("a", "bcd"));

        await().untilAsserted(() -> assertThat(heard.lines())
                .containsExactly(
                        "start text_completion mlx fake",
                        "first token",
                        "answer Hi",
                        "start embeddings mlx fake",
                        "vectors 2",
                        "start rerank mlx fake",
                        "scores [0.06, 0.08]"));
        assertThat(heard.calls().stream().distinct()).hasSize(3);
    }

    @Test
    void shouldHearOneStoryWhenARequestIsSentOnceMore(@TempDir Path folder) {
        String dying = "{\"say\":\"abc\",\"exit\":3,\"once\":\"" + folder.resolve("died") + "\"}";

        assertThat(adapter.generate(dying).text()).isEqualTo("abc");

        await().untilAsserted(() -> assertThat(heard.lines()).containsExactly(START, "first token", "answer abc"));
        await().untilAsserted(() -> assertThat(heard.events())
                .containsExactlyInAnyOrder("starting", "ready", "failed", "starting", "ready"));
    }

    @Test
    void shouldHearWhyARequestFailed() {
        adapter.warmUp();
        GenerationRequest endless = GenerationRequest.chat("{\"say\":\"abc\",\"after\":1,\"pause\":true}");

        assertThatThrownBy(() -> adapter.generate(
                        endless.toBuilder().deadline(Duration.ofMillis(300)).build()))
                .isInstanceOf(DeadlineExceededException.class);
        try (GenerationStream stream = adapter.stream(endless)) {
            assertThat(stream.iterator().next()).isNotNull();
        }
        await().until(() -> heard.lines().contains("failure CANCELLED"));
        assertThatThrownBy(() -> adapter.embed(List.of())).isInstanceOf(InvalidRequestException.class);

        await().untilAsserted(() -> assertThat(heard.lines().stream().filter(line -> !line.equals("first token")))
                .containsExactly(
                        START,
                        "failure DEADLINE_EXCEEDED",
                        START,
                        "failure CANCELLED",
                        "start embeddings mlx fake",
                        "failure INVALID_REQUEST"));
    }

    @Test
    void shouldHearOfAnIdleWorker() {
        adapter = adapter(
                "fake",
                WorkerConfig.builder()
                        .listener(heard)
                        .idle(Duration.ofMillis(300))
                        .build());
        adapter.warmUp();

        await().until(() -> heard.events().contains("stopped"));

        await().untilAsserted(() -> assertThat(heard.events()).containsExactly("starting", "ready", "stopped"));
    }

    @Test
    void shouldHearOfAProviderThatStandsInAndOfBreakers() {
        Mlx4jListener one = Mlx4jListener.all(List.of(heard)); // one queue
        ScriptedPort second = ScriptedPort.saying("from the second");
        adapter = adapter("{\"exit\": 3}", WorkerConfig.builder().listener(one).build());
        CircuitBreakerRegistry breakers =
                CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build());
        Map<String, AbstractTextGenerationPort> ports = new LinkedHashMap<>();
        ports.put("mlx", adapter);
        ports.put("second", second);
        FallbackAdapter both = new FallbackAdapter(ports, breakers, one);

        for (int i = 0; i < 3; i++) {
            assertThat(both.generate("Hi").text()).isEqualTo("from the second");
        }

        await().untilAsserted(() -> assertThat(heard.lines())
                .startsWith(
                        "start chat mlx {\"exit\": 3}",
                        "fallback mlx second WORKER_DIED",
                        "first token",
                        "answer from the second")
                .contains("breaker mlx OPEN"));
        assertThat(heard.calls().stream().distinct()).as("one story each").hasSize(3);
        assertThat(breakers.circuitBreaker("mlx").getState()).isEqualTo(CircuitBreaker.State.OPEN);

        breakers.circuitBreaker("mlx").transitionToHalfOpenState();
        breakers.circuitBreaker("mlx").transitionToClosedState();

        await().untilAsserted(() -> assertThat(heard.lines()).endsWith("breaker mlx HALF_OPEN", "breaker mlx CLOSED"));
    }

    @Test
    void shouldHearOfRemoteProvidersToo() {
        RemoteProvider openAi = new RemoteProvider(ProviderKind.OPENAI, RemoteConfig.DEFAULT);
        try (RemoteAdapter remote = new RemoteAdapter(openAi, "some-model", heard)) {
            assertThatThrownBy(() -> remote.generate("Hi")).isInstanceOf(ProviderUnavailableException.class);
            assertThatThrownBy(() -> remote.embed(List.of())).isInstanceOf(InvalidRequestException.class);
        }

        await().untilAsserted(() -> assertThat(heard.lines())
                .containsExactly(
                        "start chat openai some-model",
                        "failure MISSING_API_KEY",
                        "start embeddings openai some-model",
                        "failure INVALID_REQUEST"));
    }

    @Test
    void shouldNotTakeLongAnswersForFaults() {
        CircuitBreaker breaker =
                CircuitBreaker.of("mlx", FallbackAdapter.breakerDefaults().build());

        for (int i = 0; i < 10; i++) {
            breaker.onSuccess(2, TimeUnit.HOURS);
        }

        assertThat(breaker.getState()).isEqualTo(CircuitBreaker.State.CLOSED);
    }

    @Test
    void shouldServeAndTellOthersWhenAListenerThrows() {
        adapter = adapter(
                "fake",
                WorkerConfig.builder()
                        .listener(Mlx4jListener.all(List.of(new Throwing(), heard)))
                        .build());
        FallbackAdapter fallback = new FallbackAdapter(
                Map.of("mlx", adapter),
                CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build()),
                new Throwing());

        assertThat(fallback.generate("Hi").text()).isEqualTo("Hi");
        assertThat(adapter.embed("a")).isNotEmpty();
        assertThatThrownBy(() -> fallback.generate("{\"say\":\"abc\",\"after\":1,\"exit\":3}"))
                .isInstanceOf(WorkerDiedException.class);

        await().untilAsserted(() -> assertThat(heard.lines())
                .containsSubsequence("first token", "answer Hi", "vectors 1", "first token", "failure WORKER_DIED"));
    }

    @Test
    void shouldLetAListenerAskBack() {
        Mlx4jListener asking = new Mlx4jListener() {
            @Override
            public void onWorker(WorkerView worker, WorkerStatus.Event event) {
                // on another thread, which must not find the worker locked
                WorkerStatus status =
                        CompletableFuture.supplyAsync(worker::status).join();
                assertThat(status.history()).contains(event);
                heard.onWorker(worker, event);
            }
        };
        adapter =
                adapter("{\"exit\": 3}", WorkerConfig.builder().listener(asking).build());

        assertThatThrownBy(() -> adapter.warmUp()).isInstanceOf(Mlx4jException.class);
        adapter.close();

        await().untilAsserted(() -> assertThat(heard.events()).containsExactly("starting", "failed", "closed"));
    }

    @Test
    void shouldServeInTimeWhenAListenerBlocks() {
        CountDownLatch forEver = new CountDownLatch(1);
        Mlx4jListener blocking = new Mlx4jListener() {
            @Override
            public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
                awaitQuietly(forEver);
            }

            @Override
            public void onStart(ModelCall call) {
                awaitQuietly(forEver);
            }
        };
        adapter = adapter(
                "fake",
                WorkerConfig.builder()
                        .listener(Mlx4jListener.all(List.of(blocking, heard)))
                        .build());
        GenerationRequest endless = GenerationRequest.chat("{\"say\":\"abc\",\"after\":1,\"pause\":true}").toBuilder()
                .deadline(Duration.ofMillis(300))
                .build();
        try {
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> adapter.generate(endless)).isInstanceOf(DeadlineExceededException.class);
            }
            assertThat(new CompletableFuture<>().orTimeout(10, TimeUnit.MILLISECONDS))
                    .as("of somebody else's, on the JDK's timer")
                    .failsWithin(Duration.ofSeconds(10));
            assertThat(adapter.generate("Hi").text()).isEqualTo("Hi");
            await().untilAsserted(() -> assertThat(heard.lines()).contains("answer Hi"));
        } finally {
            forEver.countDown();
        }
    }

    @Test
    void shouldDropEventsRatherThanWaitWhenAListenerIsTooSlow() {
        CountDownLatch forEver = new CountDownLatch(1);
        AtomicInteger received = new AtomicInteger();
        Mlx4jListener slow = Mlx4jListener.all(List.of(new Mlx4jListener() {
            @Override
            public void onBreaker(String provider, BreakerState state) {
                awaitQuietly(forEver);
                received.incrementAndGet();
            }
        }));

        for (int i = 0; i < 5000; i++) {
            slow.onBreaker("mlx", BreakerState.OPEN);
        }
        forEver.countDown();

        await().until(() -> received.get() >= 1024);
        slow.onBreaker("mlx", BreakerState.OPEN);
        await().until(() -> received.get() >= 1026); // the queue, the one in delivery, and the last
        assertThat(received.get()).isLessThan(1030);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private static SubprocessAdapter adapter(String model, WorkerConfig options) {
        return new MlxSubprocessAdapter(new WorkerSettings(
                model, false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), options));
    }

    private static final class Throwing implements Mlx4jListener {

        @Override
        public void onStart(ModelCall call) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onFirstToken(ModelCall call, Duration after) {
            throw new NoSuchMethodError("thrown by the test");
        }

        @Override
        public void onAnswer(ModelCall call, GenerationResult result, Duration took) {
            throw new CancelledException("thrown by the test", "");
        }

        @Override
        public void onVectors(ModelCall call, int texts, Duration took) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onScores(ModelCall call, RerankResult result, Duration took) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onWorker(WorkerView worker, WorkerStatus.Event event) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onMemory(WorkerView worker, WorkerMemory memory) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onBreaker(String provider, BreakerState state) {
            throw new IllegalStateException("thrown by the test");
        }

        @Override
        public void onFallback(String from, String to, Mlx4jException error) {
            throw new IllegalStateException("thrown by the test");
        }
    }
}
