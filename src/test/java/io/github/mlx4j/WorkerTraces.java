package io.github.mlx4j;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** Finds what workers leave on a machine while they run, and must not leave after they have ended. */
public final class WorkerTraces {

    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private WorkerTraces() {}

    /**
     * The processes of this machine, zombies excepted, whose command line names a path that begins with {@code start}.
     * A worker, its watchdog (which has the worker's command line) and its ranks name the worker's private folder. They
     * are found after their parent ended too, when they are nobody's descendants.
     */
    public static List<ProcessHandle> processes(Path start) {
        return ProcessHandle.allProcesses()
                .filter(process -> commandLine(process).contains(start.toString()))
                .filter(process -> process.pid() != ProcessHandle.current().pid())
                .toList();
    }

    /** The command line of a process, empty if it has ended. */
    public static String commandLine(ProcessHandle process) {
        return process.info().commandLine().orElse("");
    }

    /** The beginning of the path of every private folder of this program. */
    public static Path folderPrefix() {
        return Path.of(System.getProperty("java.io.tmpdir"), "mlx4j-");
    }

    /** The private folders of this program, and of others with the same temporary folder. */
    public static List<Path> folders() {
        Path prefix = folderPrefix();
        try (Stream<Path> files = Files.list(prefix.getParent())) {
            return files.filter(file -> file.toString().startsWith(prefix.toString()))
                    .toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Waits until nothing is left of the worker with this private folder. */
    public static void awaitGone(Path folder) {
        await().atMost(PATIENCE).until(() -> processes(folder), List::isEmpty);
        await().atMost(PATIENCE).until(() -> !Files.exists(folder));
    }
}
