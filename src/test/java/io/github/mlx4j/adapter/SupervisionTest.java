package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.worker.RestartBudget;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.zeroturnaround.exec.ProcessExecutor;

/** Tests the supervision of a worker: hangs, idleness, deadlines, too many requests, status. Uses the fake worker. */
@Timeout(60)
class SupervisionTest {

    private static final Duration SECOND = Duration.ofSeconds(1);

    private MlxSubprocessAdapter adapter = adapter(WorkerConfig.DEFAULT);

    @AfterEach
    void close() {
        adapter.close();
    }

    private static MlxSubprocessAdapter adapter(WorkerConfig options) {
        return new MlxSubprocessAdapter(new WorkerSettings(
                "fake", false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), options));
    }

    @Test
    void shouldEndAWorkerWhoseEngineHangsAndShowItsStacks() {
        adapter = adapter(WorkerConfig.builder().hang(SECOND).build());
        assertThatThrownBy(() -> adapter.generate(script("{'say':'abc','after':1,'hang':1}")))
                .isInstanceOf(WorkerHungException.class)
                .hasMessageContaining("made no progress for 1 s")
                .hasMessageContaining("fake_worker.py")
                .hasMessageContaining("in _fault");
        assertThat(adapter.generate(script("{'say':'again'}")).text()).isEqualTo("again");
    }

    @Test
    void shouldEndAWorkerWhoseNativeCodeHoldsTheInterpreter() {
        adapter = adapter(WorkerConfig.builder().hang(SECOND).build());
        assertThatThrownBy(() -> adapter.generate(script("{'say':'abc','after':1,'gil':50}")))
                .isInstanceOf(WorkerHungException.class)
                .hasMessageContaining("did not answer for 1 s")
                .hasMessageContaining("in _fault");
    }

    @Test
    void shouldEndAWorkerThatIsStoppedFromOutside() throws Exception {
        adapter = adapter(WorkerConfig.builder().hang(SECOND).build());
        adapter.warmUp();
        long pid = adapter.status().processId().getAsLong();
        new ProcessExecutor("kill", "-STOP", Long.toString(pid))
                .exitValueNormal()
                .execute();
        GenerationResult result = adapter.generate(script("{'say':'answered by the next one'}"));
        assertThat(result.text()).isEqualTo("answered by the next one");
        assertThat(ProcessHandle.of(pid)).isEmpty();
    }

    @Test
    void shouldSendARequestOnceMoreWhenTheWorkerHangsBeforeTheFirstToken(@TempDir Path temp) {
        adapter = adapter(WorkerConfig.builder().hang(SECOND).build());
        String once = temp.resolve("once").toString();
        assertThat(adapter.generate(script("{'say':'fine','hang':1,'once':'" + once + "'}"))
                        .text())
                .isEqualTo("fine");
    }

    @Test
    void shouldEndAWorkerThatLostAnAnswer() {
        adapter = adapter(WorkerConfig.builder().hang(SECOND).build());
        assertThatThrownBy(() -> adapter.generate(script("{'say':'abc','after':1,'lose':1}")))
                .isInstanceOf(WorkerHungException.class)
                .hasMessageContaining("1 answers did not arrive");
    }

    @Test
    void shouldNotTakeASlowWorkerForAHungOne() {
        adapter = adapter(WorkerConfig.builder().hang(Duration.ofSeconds(3)).build());
        String say = "abcdefgh";
        assertThat(adapter.generate(script("{'say':'" + say + "','stepMs':500}"))
                        .text())
                .isEqualTo(say);
    }

    @Test
    void shouldTellWhereTheTimeOfItsStartWent() {
        adapter = adapter(WorkerConfig.DEFAULT);
        assertThat(adapter.status().start()).isEmpty();
        adapter.generate(script("{'say':'one'}"));
        WorkerStatus.Start start = adapter.status().start().orElseThrow();
        assertThat(List.of(start.process(), start.packages(), start.model()))
                .allMatch(part -> !part.isNegative() && !part.isZero());
        adapter.close();
        assertThat(adapter.status().start()).as("it has no process").isEmpty();
    }

    @Test
    void shouldStopAnIdleWorkerAndBringItBackOnDemand() {
        adapter = adapter(WorkerConfig.builder().idle(Duration.ofMillis(300)).build());
        adapter.generate(script("{'say':'one'}"));
        long first = adapter.status().processId().getAsLong();
        await().until(() -> adapter.status().state() == WorkerStatus.State.STOPPED
                && ProcessHandle.of(first).isEmpty());
        assertThat(adapter.status().failures()).isZero();
        assertThat(adapter.generate(script("{'say':'two'}")).text()).isEqualTo("two");
        await().untilAsserted(() -> assertThat(adapter.status().history()) // an answer may be sooner than the history
                .extracting(WorkerStatus.Event::name)
                .containsSubsequence("ready", "stopped", "ready"));
    }

    @Test
    void shouldNeverStopAWorkerThatIsBusyForLongerThanItsIdleTime() {
        adapter = adapter(WorkerConfig.builder().idle(Duration.ofMillis(200)).build());
        assertThat(adapter.generate(script("{'say':'abc','stepMs':400}")).text())
                .isEqualTo("abc");
    }

    @Test
    void shouldEndARequestAtItsDeadlineInDecodeAndFreeTheWorker() {
        GenerationRequest slow = script("{'say':'" + "x".repeat(500) + "','stepMs':50}").toBuilder()
                .deadline(Duration.ofMillis(300))
                .build();
        try (GenerationStream stream = adapter.stream(slow)) {
            assertThatThrownBy(stream::result)
                    .isInstanceOf(DeadlineExceededException.class)
                    .hasMessageContaining("300 ms");
        }
        await().untilAsserted(() -> assertThat(adapter.status().openRequests()).isZero());
    }

    @Test
    void shouldEndARequestAtItsDeadlineWhileTheModelLoads() {
        adapter.close();
        adapter = new MlxSubprocessAdapter(new WorkerSettings(
                "{\"loadMs\": 30000}",
                false,
                FakeWorker::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                WorkerConfig.DEFAULT));
        GenerationRequest request =
                script("{}").toBuilder().deadline(Duration.ofMillis(300)).build();
        assertThatThrownBy(() -> adapter.generate(request)).isInstanceOf(DeadlineExceededException.class);
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.STARTING);
    }

    @Test
    void shouldNotTouchAnAnswerThatIsWholeBeforeItsDeadline() {
        GenerationRequest request = script("{'say':'quick'}").toBuilder()
                .deadline(Duration.ofSeconds(30))
                .build();
        assertThat(adapter.generate(request).text()).isEqualTo("quick");
    }

    @Test
    void shouldRefuseOneRequestTooManyAndTakeTheNextOnceThereIsRoom() {
        adapter = adapter(WorkerConfig.builder().maxRequests(2).build());
        GenerationRequest slow = script("{'say':'" + "x".repeat(200) + "','stepMs':20}");
        CompletableFuture<GenerationResult> first = adapter.generateAsync(slow);
        CompletableFuture<GenerationResult> second = adapter.generateAsync(slow);
        assertThatThrownBy(() -> adapter.generate(script("{}")))
                .isInstanceOf(WorkerBusyException.class)
                .hasMessageContaining("already has 2 requests")
                .hasMessageContaining("MLX4J_MAX_REQUESTS");
        first.cancel(true);
        await().untilAsserted(() ->
                assertThat(adapter.generate(script("{'say':'room'}")).text()).isEqualTo("room"));
        second.cancel(true);
    }

    @Test
    void shouldTellItsStateAndHistory() throws Exception {
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.STOPPED);
        assertThat(adapter.status().processId()).isEmpty();
        adapter.warmUp();
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.READY);
        try (GenerationStream stream = adapter.stream(script("{'say':'" + "x".repeat(500) + "','stepMs':20}"))) {
            Iterator<GenerationEvent> events = stream.iterator();
            events.next();
            assertThat(adapter.status().openRequests()).isEqualTo(1);
        }
        long pid = adapter.status().processId().getAsLong();
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        await().untilAsserted(() -> assertThat(adapter.status().failures()).isEqualTo(1));
        assertThat(adapter.status().history())
                .last()
                .satisfies(event -> assertThat(event.name()).isEqualTo("failed"))
                .satisfies(event -> assertThat(event.detail()).contains("exit code 137"));
        assertThat(adapter.generate(script("{'say':'back'}")).text()).isEqualTo("back");
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.READY);
        adapter.close();
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.CLOSED);
    }

    @Test
    void shouldGiveUpForAWhileWhenTheRestartsAreUsedUp() {
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> adapter.generate(script("{'signal':9}"))).hasMessageContaining("137");
        }
        assertThatThrownBy(() -> adapter.generate(script("{}"))).hasMessageContaining("not restarted");
        assertThat(adapter.status().state()).isEqualTo(WorkerStatus.State.FAILED);
        assertThat(adapter.status().failures()).isEqualTo(3);
    }

    @Test
    void shouldCloseWithinSecondsWhileTheWorkerHangs() {
        CompletableFuture<GenerationResult> hanging = adapter.generateAsync(script("{'gil':50}"));
        await().until(() -> adapter.status().openRequests() == 1);
        long begun = System.nanoTime();
        adapter.close();
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(7));
        assertThat(hanging).failsWithin(1, TimeUnit.SECONDS);
    }

    private static GenerationRequest script(String json) {
        return GenerationRequest.raw(json.replace('\'', '"'));
    }
}
