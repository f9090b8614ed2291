package io.github.mlx4j.internal.worker;

import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.TestClock;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class WorkerTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestClock clock = new TestClock();
    private final List<Path> launches = new CopyOnWriteArrayList<>();
    private Worker worker = worker("fake", 3);

    @TempDir
    private Path scratch;

    @AfterEach
    void closeWorker() {
        worker.close();
    }

    @Test
    void shouldStartNothingWhenNobodyNeedsIt() {
        assertThat(launches).isEmpty();
        worker.close();
        assertThat(launches).isEmpty();
    }

    @Test
    void shouldStartOneProcessWhenManyNeedItAtOnce() {
        List<CompletableFuture<Worker.Ready>> ready =
                Stream.generate(worker::ready).parallel().limit(16).toList();

        assertThat(ready).allSatisfy(one -> assertThat(one).succeedsWithin(SOON));
        assertThat(ready).extracting(one -> one.join().client().pid()).containsOnly(pid());
        assertThat(launches).hasSize(1);
    }

    @Test
    void shouldRecordThatItIsReadyBeforeAnyoneWhoWaitsForItIsNotified() {
        CompletableFuture<List<String>> seen = worker.ready()
                .thenApply(ready -> worker.status().history().stream()
                        .map(WorkerStatus.Event::name)
                        .toList());

        assertThat(seen).succeedsWithin(SOON).isEqualTo(List.of("starting", "ready"));
    }

    @Test
    void shouldSayWhatItLoadedWhenItIsUp() {
        assertThat(worker.ready()).succeedsWithin(SOON).satisfies(ready -> {
            assertThat(ready.client().isAlive()).isTrue();
            assertThat(ready.backend().model()).isEqualTo("fake");
            assertThat(ready.loaded().details().contextLength()).hasValue(4096);
        });
    }

    @Test
    void shouldStartAgainWhenTheProcessDied() {
        assertThat(worker.ready()).succeedsWithin(SOON);
        long first = pid();
        WorkerClient client = worker.ready().join().client();

        ProcessHandle.of(first).orElseThrow().destroyForcibly();

        await().atMost(SOON).until(() -> !client.isAlive());
        assertThat(worker.ready()).succeedsWithin(SOON);
        assertThat(pid()).isNotEqualTo(first);
        assertThat(launches).hasSize(2);
    }

    @Test
    void shouldBeGoneWhenItIsStoppedAndStartAgainOnDemand() {
        assertThat(worker.wouldStart()).isTrue();
        assertThat(worker.ready()).succeedsWithin(SOON);
        long first = pid();
        assertThat(worker.isUp()).isTrue();
        assertThat(worker.wouldStart()).isFalse();

        worker.stop("for the test");
        worker.stop("once more, which does nothing");

        assertThat(ProcessHandle.of(first)).isEmpty();
        assertThat(worker.isUp()).isFalse();
        assertThat(worker.status().state()).isEqualTo(WorkerStatus.State.STOPPED);
        assertThat(worker.ready()).succeedsWithin(SOON);
        assertThat(pid()).isNotEqualTo(first);
        assertThat(worker.status().failures()).isZero();
        assertThat(worker.status().history())
                .filteredOn(event -> event.name().equals("stopped"))
                .extracting(WorkerStatus.Event::detail)
                .containsExactly("for the test");
    }

    @Test
    void shouldEndTheStartWhenItIsStoppedMeanwhile() {
        worker = worker("{\"loadMs\":60000}", 1);
        CompletableFuture<Worker.Ready> starting = worker.ready();
        await().atMost(SOON).until(() -> launches.size() == 1);
        assertThat(worker.isUp()).isTrue();

        worker.stop("for the test");

        assertFails(starting, WorkerDiedException.class)
                .withMessage("The mlx worker was stopped while it was starting, for the test. What to do: Try again.");
        awaitNothingLeft();
        assertThat(worker.wouldStart()).as("nothing of its budget is spent").isTrue();
        assertThat(worker.status().failures()).isZero();
    }

    @Test
    void shouldNotStartWhenItsCauseIsPermanent() {
        worker = worker("{\"error\":\"ModelLoadFailed\"}", 3);
        assertFails(worker.ready(), ModelLoadException.class);

        assertThat(worker.wouldStart()).isFalse();
        assertThat(worker.isUp()).isFalse();
    }

    @Test
    void shouldNotStartAgainWhenItDiedTooOften() {
        worker = worker("{\"exit\":7}", 2);
        assertFails(worker.ready(), WorkerDiedException.class);
        assertFails(worker.ready(), WorkerDiedException.class);

        assertFails(worker.ready(), WorkerStartException.class)
                .withMessage(
                        "The mlx worker is not restarted after 2 failures within 5 minutes."
                                + " Last failure: The mlx worker died (exit code 7)."
                                + " What to do: mlx4j tries again later; `ProviderFactory.workers()` shows the worker's history.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("WORKER_START_FAILED"));
        assertFails(worker.ready(), WorkerStartException.class);
        assertThat(launches).hasSize(2);

        clock.advance(Duration.ofMinutes(5).plusMillis(1));
        assertFails(worker.ready(), WorkerDiedException.class);
        assertThat(launches).hasSize(3);
    }

    @Test
    void shouldSpendItsBudgetWhenItDiesAfterItWasUp() {
        worker = worker("fake", 1);
        assertThat(worker.ready()).succeedsWithin(SOON);
        WorkerClient client = worker.ready().join().client();

        ProcessHandle.of(client.pid()).orElseThrow().destroyForcibly();

        await().atMost(SOON).until(() -> !client.isAlive());
        assertFails(worker.ready(), WorkerStartException.class)
                .withMessageContaining("is not restarted after 1 failures within 5 minutes");
    }

    @Test
    void shouldNameTheExitCodeWhenTheProcessExitsWhileItLoads() {
        worker = worker("{\"exit\":7}", 3);

        assertFails(worker.ready(), WorkerDiedException.class)
                .satisfies(error -> assertThat(error.exitCode()).isEqualTo(7));
    }

    @ParameterizedTest
    @CsvSource({
        "ModelLoadFailed, MODEL_LOAD_FAILED",
        "InvalidRequest, INVALID_CONFIGURATION",
        "DependencyMissing, DEPENDENCY_MISSING",
        "UnsafeModel, UNSAFE_MODEL"
    })
    void shouldRememberWhyWhenNoRestartCouldHelp(String kind, String code) {
        worker = worker("{\"error\":\"" + kind + "\"}", 3);

        for (int i = 0; i < 5; i++) {
            assertFails(worker.ready(), Mlx4jException.class)
                    .withMessage(kind + " on demand What to do: Ask for something else.")
                    .satisfies(error -> assertThat(error.code()).isEqualTo(code));
        }
        assertThat(launches).hasSize(1);
        awaitNothingLeft();
    }

    @Test
    void shouldLookAnewWhenTheModelWasNotThere() {
        worker = worker("{\"error\":\"ModelNotFound\"}", 1);

        for (int i = 0; i < 3; i++) {
            assertFails(worker.ready(), ModelNotFoundException.class).withMessageContaining("ModelNotFound on demand");
        }
        assertThat(launches).as("a model that isn't there spends no budget").hasSize(3);
        awaitNothingLeft();
    }

    @Test
    void shouldEndTheProcessWhenClosedWhileItLoads() {
        worker = worker("{\"loadMs\":60000}", 3);
        CompletableFuture<Worker.Ready> ready = worker.ready();
        await().atMost(SOON).until(() -> launches.size() == 1);

        worker.close();

        assertFails(ready, ClosedException.class).withMessage("The mlx worker was closed while it was starting.");
        awaitNothingLeft();
    }

    @Test
    void shouldEndTheProcessWhenClosed() {
        assertThat(worker.ready()).succeedsWithin(SOON);
        long pid = pid();

        worker.close();
        worker.close();

        assertThat(ProcessHandle.of(pid)).isEmpty();
        assertThat(launches)
                .singleElement()
                .satisfies(folder -> assertThat(folder).doesNotExist());
    }

    @Test
    void shouldStartNothingWhenClosedBefore() {
        worker.close();

        assertFails(worker.ready(), ClosedException.class).withMessage("The mlx worker was closed.");
        assertThat(launches).isEmpty();
    }

    @Test
    void shouldPassOnWhyWhenThereIsNothingToLaunch() {
        worker = worker(
                () -> {
                    launches.add(scratch);
                    throw new ProviderUnavailableException("MLX_NOT_AVAILABLE", "No Python.", "Install one.");
                },
                "fake",
                1);

        for (int i = 0; i < 3; i++) {
            assertFails(worker.ready(), ProviderUnavailableException.class)
                    .withMessage("No Python. What to do: Install one.");
        }
        assertThat(launches)
                .as("it is asked anew each time, and spends no budget")
                .hasSize(3);
    }

    @Test
    void shouldSayThatItCouldNotStartWhenTheLaunchIsBroken() {
        worker = worker(
                () -> {
                    throw new IllegalArgumentException("broken");
                },
                "fake",
                3);

        assertFails(worker.ready(), WorkerStartException.class)
                .withMessageStartingWith(
                        "The mlx worker could not be started: java.lang.IllegalArgumentException: broken")
                .withCauseInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldSayThatItCouldNotStartWhenThereIsNoSuchInterpreter() {
        Path nowhere = scratch.resolve("nowhere");
        worker = worker(() -> new WorkerLaunch(ProviderKind.MLX, nowhere, FakeWorker.SCRIPTS, Map.of()), "fake", 3);

        assertFails(worker.ready(), WorkerStartException.class)
                .withMessageContaining("The mlx worker could not be started: ")
                .withMessageContaining(nowhere.toString())
                .withMessageNotContaining("environment")
                .withMessageContaining("What to do: Check the interpreter's path and the disk.");
    }

    private Worker worker(String model, int failures) {
        return worker(this::launch, model, failures);
    }

    private Worker worker(Supplier<WorkerLaunch> launch, String model, int failures) {
        RestartBudget budget = new RestartBudget(failures, Duration.ofMinutes(5), clock);
        return new Worker("mlx", launch, Load.Params.of(model, false), budget, WorkerLimits.STANDARD);
    }

    private WorkerLaunch launch() {
        WorkerScripts scripts = folder -> {
            launches.add(folder.getParent());
            return FakeWorker.SCRIPTS.install(folder);
        };
        return new WorkerLaunch(ProviderKind.MLX, FakeWorker.python(), scripts, Map.of());
    }

    private long pid() {
        return worker.ready().join().client().pid();
    }

    /** Waits until the processes are gone: each takes its folder with it. */
    private void awaitNothingLeft() {
        await().atMost(SOON).until(() -> launches.stream().noneMatch(Files::exists));
    }
}
