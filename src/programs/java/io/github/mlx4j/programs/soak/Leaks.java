package io.github.mlx4j.programs.soak;

import io.github.mlx4j.WorkerTraces;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Checks that no threads, processes, folders or descriptors are left after everything was closed, compared with the
 * state before.
 */
final class Leaks {

    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final int SPARE_DESCRIPTORS = 4;
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final Set<Long> processesBefore =
            processes().map(ProcessHandle::pid).collect(Collectors.toSet());
    private final Set<Path> foldersBefore = new HashSet<>(WorkerTraces.folders());
    private final int descriptorsBefore = descriptors();

    /** Returns whether file descriptors can be counted on this system. */
    static boolean countsDescriptors() {
        return Files.isDirectory(DESCRIPTORS);
    }

    /** Waits a limited time until nothing is left. */
    void settle() {
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> threadNames().isEmpty()
                            && processNames().isEmpty()
                            && folderNames().isEmpty()
                            && descriptorsMore() == 0);
        } catch (ConditionTimeoutException left) {
            // the caller checks what is left
        }
    }

    /** Returns the names of the library's threads, and of zt-exec's threads that wait for a process. */
    List<String> threadNames() {
        Predicate<String> ours = name -> name.startsWith("mlx4j-") || name.startsWith("WaitForProcess");
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(ours)
                .sorted()
                .toList();
    }

    List<String> processNames() {
        return processes()
                .filter(process -> !processesBefore.contains(process.pid()))
                .map(process -> process.info().commandLine().orElse("?"))
                .toList();
    }

    List<String> folderNames() {
        return WorkerTraces.folders().stream()
                .filter(folder -> !foldersBefore.contains(folder))
                .map(Path::toString)
                .toList();
    }

    /** Returns the number of additional descriptors, or 0 if there are only a few, which the JVM may have opened. */
    int descriptorsMore() {
        int more = descriptors() - descriptorsBefore;
        return more > SPARE_DESCRIPTORS ? more : 0;
    }

    /**
     * Returns our descendants, and worker processes whose parent has ended and which are therefore no longer
     * descendants.
     */
    private static Stream<ProcessHandle> processes() {
        return Stream.concat(
                        ProcessHandle.current().descendants(),
                        WorkerTraces.processes(WorkerTraces.folderPrefix()).stream())
                .distinct();
    }

    private static int descriptors() {
        if (!countsDescriptors()) {
            return 0;
        }
        try (Stream<Path> files = Files.list(DESCRIPTORS)) {
            return (int) files.count();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
