package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.WorkerCall;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SerialWorkerTest {

    private final List<Progress> heard = new CopyOnWriteArrayList<>();

    @Test
    void shouldGiveTheResultAndThePhasesOnTheWay() {
        JsonNode result = run("fake", WorkerLimits.STANDARD);

        assertThat(result.path("folder").textValue()).isEqualTo("/new");
        assertThat(heard).extracting(Progress::phase).containsExactly("load", "write");
        assertThat(workers()).isEmpty();
    }

    @Test
    void shouldFailAsTheWorkerSays() {
        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> run("{\"error\":\"ConversionFailed\"}", WorkerLimits.STANDARD))
                .withMessageContaining("on demand");
        assertThat(workers()).isEmpty();
    }

    @Test
    void shouldFailWithTheExitCodeWhenTheProcessDies() {
        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> run("{\"exit\":7}", WorkerLimits.STANDARD))
                .satisfies(died -> assertThat(died.exitCode()).isEqualTo(7));
    }

    @Test
    void shouldCancelTheCallWhenInterrupted() throws InterruptedException {
        AtomicReference<Mlx4jException> failure = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try {
                run("{\"pause\":true}", WorkerLimits.STANDARD);
            } catch (Mlx4jException error) {
                failure.set(error);
                flag.set(Thread.currentThread().isInterrupted());
            }
        });
        thread.start();
        await().until(() -> !heard.isEmpty());

        thread.interrupt();
        thread.join();

        assertThat(failure.get()).isInstanceOf(CancelledException.class);
        assertThat(flag.get()).isTrue();
        assertThat(workers()).isEmpty();
    }

    @Test
    void shouldGiveUpWhenThereIsNoSignOfLife() {
        WorkerLimits impatient = new WorkerLimits(
                WorkerLimits.STANDARD.hello(),
                Duration.ofMillis(300),
                Duration.ofMinutes(1),
                Duration.ZERO,
                null,
                null,
                null,
                Duration.ofSeconds(10));

        assertThatExceptionOfType(WorkerStartException.class)
                .isThrownBy(() -> run("{\"pause\":true}", impatient))
                .withMessageContaining("did not respond");
        assertThat(workers()).isEmpty();
    }

    private JsonNode run(String source, WorkerLimits limits) {
        Map<String, Object> params =
                Map.of("protocol", Map.of("major", 1), "model", Map.of("source", source), "folder", "/new");
        try (SerialWorker worker = SerialWorker.start(FakeWorker.launch(), limits)) {
            return worker.load(WorkerCall.of(Method.CONVERT, params, JsonNode.class), heard::add);
        }
    }

    /** Those that this class would have left behind; other tests run in other processes. */
    private static List<ProcessHandle> workers() {
        return ProcessHandle.current()
                .children()
                .filter(ProcessHandle::isAlive)
                .filter(child -> child.info()
                        .commandLine()
                        .map(line ->
                                line.contains(Path.of("tests", "fake_worker.py").toString()))
                        .orElse(false))
                .toList();
    }
}
