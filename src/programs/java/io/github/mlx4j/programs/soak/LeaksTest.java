package io.github.mlx4j.programs.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.WorkerTraces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Checks that the leak check detects leaks. */
@Timeout(60)
class LeaksTest {

    @Test
    void shouldReportAProcessOfAWorkerWhosePlaceInTheFamilyIsLostAndItsFolder() throws Exception {
        Leaks leaks = new Leaks();
        Path folder = Files.createTempDirectory("mlx4j-leak-");
        ProcessHandle orphan = orphan(folder);
        try {
            assertThat(ProcessHandle.current().descendants()).doesNotContain(orphan);
            assertThat(leaks.processNames()).anyMatch(line -> line.contains(folder.toString()));
            assertThat(leaks.folderNames()).contains(folder.toString());
        } finally {
            orphan.destroyForcibly();
            Files.delete(folder.resolve("mlx_worker.py"));
            Files.delete(folder);
        }
        WorkerTraces.awaitGone(folder);
        assertThat(leaks.processNames()).noneMatch(line -> line.contains(folder.toString()));
        assertThat(leaks.folderNames()).doesNotContain(folder.toString());
    }

    /** Starts a process whose command line contains a file in the folder, and whose parent has ended. */
    private static ProcessHandle orphan(Path folder) throws IOException, InterruptedException {
        Path script = Files.createFile(folder.resolve("mlx_worker.py"));
        Process parent = new ProcessBuilder(
                        "sh", "-c", "tail -f \"$1\" </dev/null >/dev/null 2>&1 & echo $!", "sh", script.toString())
                .start();
        String pid = new String(parent.getInputStream().readAllBytes()).strip();
        assertThat(parent.waitFor()).isZero();
        ProcessHandle orphan = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
        await().until(() -> WorkerTraces.processes(folder).contains(orphan)); // the shell's child has started tail
        return orphan;
    }
}
