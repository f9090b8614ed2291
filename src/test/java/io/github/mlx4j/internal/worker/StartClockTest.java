package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests the timeouts of a start: the first line, and signs of life during the load. Also tests injected modules. */
@Timeout(60)
class StartClockTest {

    private static final Duration SHORT = Duration.ofMillis(700);

    private static WorkerLimits limits(Duration hello, Duration loadStall) {
        WorkerLimits standard = WorkerLimits.STANDARD;
        return new WorkerLimits(
                hello, loadStall, standard.silence(), standard.idle(), null, null, null, standard.memoryPeriod());
    }

    private static Worker worker(WorkerLaunch launch, String model, WorkerLimits limits) {
        return new Worker("mlx", () -> launch, Load.Params.of(model, false), RestartBudget.standard(), limits);
    }

    @Test
    void shouldEndAWorkerThatDoesNotSayHelloInTime(@TempDir Path temp) throws Exception {
        Path silent = Files.writeString(temp.resolve("silent.py"), "import time\ntime.sleep(600)\n");
        WorkerLaunch launch = new WorkerLaunch(ProviderKind.MLX, FakeWorker.python(), folder -> silent, Map.of());
        try (Worker worker = worker(launch, "fake", limits(SHORT, Duration.ofMinutes(1)))) {
            assertThatThrownBy(() -> worker.ready().join())
                    .hasCauseInstanceOf(WorkerStartException.class)
                    .hasMessageContaining("did not complete the handshake");
            await().until(() -> ProcessHandle.current()
                    .children()
                    .noneMatch(child -> child.info().commandLine().orElse("").contains("silent.py")));
        }
    }

    @Test
    void shouldEndAWorkerThatLoadsWithoutASignOfLife() {
        Duration hello = Duration.ofSeconds(20);
        try (Worker worker = worker(FakeWorker.launch(), "{\"loadMs\": 60000}", limits(hello, SHORT))) {
            assertThatThrownBy(() -> worker.ready().join())
                    .hasCauseInstanceOf(WorkerStartException.class)
                    .hasMessageContaining("did not load its model");
        }
    }

    @Test
    void shouldWaitForAWorkerThatLoadsSlowlyButShowsSignsOfLife() {
        Duration stall = Duration.ofMillis(1500);
        String slow = "{\"loadMs\": 300, \"loadSteps\": 10}";
        try (Worker worker = worker(FakeWorker.launch(), slow, limits(Duration.ofSeconds(20), stall))) {
            long begun = System.nanoTime();
            assertThat(worker.ready()).succeedsWithin(Duration.ofSeconds(30));
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThan(stall);
        }
    }

    @Test
    void shouldImportNothingFromThePlacesThatOthersCanFill(@TempDir Path temp) throws Exception {
        String evil = "open(%s, 'w').close()\n".formatted("'" + temp.resolve("ran") + "'");
        for (String module : new String[] {"json", "sitecustomize", "usercustomize", "mlx4j_worker"}) {
            Files.writeString(temp.resolve(module + ".py"), evil);
        }
        Map<String, String> hostile = Map.of(
                "PYTHONPATH", temp.toString(),
                "PYTHONSTARTUP", temp.resolve("json.py").toString(),
                "PYTHONUSERBASE", temp.toString(),
                "PYTHONHOME", "");
        WorkerLaunch launch = new WorkerLaunch(ProviderKind.MLX, FakeWorker.python(), FakeWorker.SCRIPTS, hostile);
        try (Worker worker = worker(launch, "fake", WorkerLimits.STANDARD)) {
            assertThat(worker.ready()).succeedsWithin(Duration.ofSeconds(30));
        }
        assertThat(temp.resolve("ran")).doesNotExist();
    }
}
