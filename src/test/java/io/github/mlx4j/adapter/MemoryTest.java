package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests how a worker's memory use is measured and reported. Uses the fake worker, whose engine uses no memory. */
@Timeout(60)
class MemoryTest {

    private static final Duration OFTEN = Duration.ofMillis(100);

    private final List<WorkerMemory> heard = new CopyOnWriteArrayList<>();
    private SubprocessAdapter adapter = adapter(WorkerConfig.DEFAULT);

    @AfterEach
    void close() {
        adapter.close();
    }

    @Test
    void shouldTellAListenerAfterTheStartAndAgainAndAgain() {
        List<ProviderKind> kinds = new CopyOnWriteArrayList<>();
        adapter = adapter(listening((worker, memory) -> {
            kinds.add(worker.provider());
            heard.add(memory);
        }));
        adapter.warmUp();

        await().until(() -> heard.size() >= 3);

        assertThat(kinds).containsOnly(ProviderKind.MLX);
        assertThat(heard).allSatisfy(memory -> {
            assertThat(memory.active()).hasValue(0);
            assertThat(memory.peak()).hasValue(0);
            assertThat(memory.cache()).isEmpty();
            assertThat(memory.resident().isPresent())
                    .as("it can be told cheaply")
                    .isEqualTo(Files.exists(Path.of("/proc/self/statm")));
            assertThat(memory.resident().orElse(1L << 23)).isBetween(1L << 22, 1L << 30);
        });
        await().untilAsserted(() ->
                assertThat(heard).contains(adapter.status().memory().orElseThrow()));
    }

    @Test
    void shouldHaveItInItsStatusWhileThereIsAProcess() {
        assertThat(adapter.status().memory()).isEmpty();

        adapter.warmUp();

        assertThat(adapter.status().memory())
                .as("what it said when it had loaded")
                .hasValue(new WorkerMemory(
                        OptionalLong.of(0), OptionalLong.of(0), OptionalLong.empty(), OptionalLong.empty()));
        adapter.close();
        assertThat(adapter.status().memory()).isEmpty();
    }

    @Test
    void shouldGoOnWhenAListenerThrows() {
        AtomicInteger calls = new AtomicInteger();
        adapter = adapter(listening((worker, memory) -> {
            calls.incrementAndGet();
            throw new IllegalStateException("thrown by the test");
        }));
        adapter.warmUp();

        await().until(() -> calls.get() >= 3);

        assertThat(adapter.generate("Hi").text()).isEqualTo("Hi");
    }

    @Test
    void shouldLookAfterTheWorkerWhileAListenerTakesItsTime() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        CountDownLatch forEver = new CountDownLatch(1);
        adapter = adapter(listening((worker, memory) -> {
                    told.countDown();
                    awaitQuietly(forEver);
                })
                .toBuilder()
                .hang(Duration.ofSeconds(1))
                .build());
        adapter.warmUp();
        told.await();

        assertThatThrownBy(() -> adapter.generate(GenerationRequest.raw("{\"say\":\"abc\",\"after\":1,\"hang\":1}")))
                .isInstanceOf(WorkerHungException.class);
        forEver.countDown();
    }

    @Test
    void shouldTellNoMoreWhenTheWorkerHasEnded() throws Exception {
        adapter = adapter(listening((worker, memory) -> heard.add(memory)));
        adapter.warmUp();
        await().until(() -> !heard.isEmpty());

        adapter.close();

        await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet()) // it tells nothing more then
                .extracting(Thread::getName)
                .doesNotContain("mlx4j-mlx-memory"));
        AtomicInteger last = new AtomicInteger();
        await().during(OFTEN.multipliedBy(4)).until(heard::size, size -> size == last.getAndSet(size));
    }

    @Test
    void shouldStopAnIdleWorkerThoughItsMemoryIsAskedFor() {
        adapter = adapter(listening((worker, memory) -> heard.add(memory)).toBuilder()
                .idle(Duration.ofMillis(500))
                .build());
        adapter.warmUp();

        await().until(() -> adapter.status().state() == WorkerStatus.State.STOPPED);

        assertThat(heard).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {99, 0, -1, -10_000})
    void shouldRefuseAPeriodThatIsTooShort(long milliseconds) {
        assertThatThrownBy(() -> WorkerConfig.builder()
                        .memoryPeriod(Duration.ofMillis(milliseconds))
                        .build())
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("Set it to 100 ms or more.");
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private static WorkerConfig listening(BiConsumer<WorkerView, WorkerMemory> onMemory) {
        Mlx4jListener listener = new Mlx4jListener() {
            @Override
            public void onMemory(WorkerView worker, WorkerMemory memory) {
                onMemory.accept(worker, memory);
            }
        };
        return WorkerConfig.builder().listener(listener).memoryPeriod(OFTEN).build();
    }

    private static SubprocessAdapter adapter(WorkerConfig options) {
        return new MlxSubprocessAdapter(new WorkerSettings(
                "fake", false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), options));
    }
}
