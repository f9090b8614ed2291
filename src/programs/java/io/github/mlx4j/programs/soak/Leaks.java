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

/** What must be gone when everything is closed, compared with what was there before. */
final class Leaks {

    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final int SPARE_DESCRIPTORS = 4;
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final Set<Long> processesBefore =
            processes().map(ProcessHandle::pid).collect(Collectors.toSet());
    private final Set<Path> foldersBefore = new HashSet<>(WorkerTraces.folders());
    private final int descriptorsBefore = descriptors();

    /** Whether descriptors can be counted here. */
    static boolean countsDescriptors() {
        return Files.isDirectory(DESCRIPTORS);
    }

    /** Waits a while for all to be gone. */
    void settle() {
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> threadNames().isEmpty()
                            && processNames().isEmpty()
                            && folderNames().isEmpty()
                            && descriptorsMore() == 0);
        } catch (ConditionTimeoutException left) {
            // what is left is asked for next
        }
    }

    /** Threads of the library, and those of zt-exec that wait for a process. */
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

    /** How many descriptors there are more than before, beyond a few that the JVM may have opened. */
    int descriptorsMore() {
        int more = descriptors() - descriptorsBefore;
        return more > SPARE_DESCRIPTORS ? more : 0;
    }

    /** Our descendants, and the processes of workers whose parent has ended, so that they are not. */
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
