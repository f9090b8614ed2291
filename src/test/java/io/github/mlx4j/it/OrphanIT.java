package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.WorkerTraces;
import io.github.mlx4j.adapter.DoomedProgram;
import io.github.mlx4j.provider.ProviderKind;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests that a program that is killed with SIGKILL leaves no worker behind, whatever the worker was doing. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class OrphanIT {

    private static final Duration PATIENCE = Duration.ofSeconds(15); // of a loaded machine; the time itself is printed

    @ParameterizedTest
    @CsvSource({"fake, idle", "fake, busy", "fake, gil", "mlx,  idle", "mlx,  busy", "hf,   idle", "hf,   busy"})
    void shouldEndTheWorkerSoonAfterItsProgramIsKilled(String worker, String doing) throws Exception {
        List<String> command = JavaCommand.of(
                "-cp", System.getProperty("java.class.path"), DoomedProgram.class.getName(), worker, doing);
        if (!worker.equals("fake")) {
            command.add(Fixture.MODEL.toString());
            command.add(Fixture.python(ProviderKind.MLX)
                    .resolve("../../../..")
                    .normalize()
                    .toString());
        }
        Process program = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader said =
                new BufferedReader(new InputStreamReader(program.getInputStream(), StandardCharsets.UTF_8))) {
            ProcessHandle process =
                    ProcessHandle.of(Long.parseLong(said.readLine())).orElseThrow();
            List<ProcessHandle> family = new ArrayList<>(process.descendants().toList());
            family.add(process);
            assertThat(family).as("the worker and its watchdog").hasSize(2).allMatch(OrphanIT::runs);

            Path folder = Fixture.folder(process);
            assertThat(folder).isDirectory();

            long begun = System.nanoTime();
            program.destroyForcibly().waitFor();
            await().pollInterval(Duration.ofMillis(2))
                    .pollDelay(Duration.ZERO)
                    .atMost(PATIENCE)
                    .until(() -> family.stream().noneMatch(OrphanIT::runs));
            WorkerTraces.awaitGone(folder);
            System.out.printf(
                    "orphan: %s %s gone after %d ms%n", worker, doing, (System.nanoTime() - begun) / 1_000_000);
        } finally {
            program.destroyForcibly();
        }
    }

    /** A process that nobody has waited for yet is there, but has no command any more. */
    private static boolean runs(ProcessHandle process) {
        Optional<String> command = process.info().command();
        return process.isAlive() && command.isPresent();
    }
}
