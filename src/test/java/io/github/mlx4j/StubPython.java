package io.github.mlx4j;

import io.github.mlx4j.internal.process.WorkerScripts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/** Shell scripts that replace Python interpreters. */
public final class StubPython {

    /** What {@code probe.py} prints where both worker kinds can run. */
    public static final String ALL_WELL = report("3.12.1", "\"mlx-lm\": \"0.32.2\", \"transformers\": \"5.1.0\"");

    private StubPython() {}

    /** A report of {@code probe.py} without any complaint. */
    public static String report(String python, String versions) {
        return "{\"version\": [%s], \"executable\": \"/stub\", \"machine\": \"arm64\", \"versions\": {%s}, "
                        .formatted(python.replace('.', ','), versions)
                + "\"missing\": [], \"broken\": {}, \"userOnly\": []}";
    }

    /** An executable script with this body. */
    public static Path script(Path file, String... body) throws IOException {
        Files.createDirectories(file.getParent());
        Files.write(file, List.of(body));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
        return file;
    }

    /** An interpreter that prints this when it is probed, and nothing else. */
    public static Path printing(Path file, String output) throws IOException {
        return script(file, "#!/bin/sh", "cat <<'EOF'", output, "EOF");
    }

    /**
     * An interpreter that has every package when it is probed, and runs the fake worker in place of any worker. Each
     * start adds a line to the file {@code calls} beside it: {@code probe} or {@code worker}.
     */
    public static Path withFakeWorker(Path file) throws IOException {
        return withWorker(file, FakeWorker.SCRIPTS);
    }

    /** The same with another worker. */
    public static Path withWorker(Path file, WorkerScripts worker) throws IOException {
        Path calls = file.resolveSibling("calls");
        return script(
                file,
                "#!/bin/sh",
                "if [ \"$4\" = -c ]; then",
                "  echo probe >> '" + calls + "'",
                "  echo '" + ALL_WELL + "'",
                "else",
                "  echo worker >> '" + calls + "'",
                "  exec '" + FakeWorker.python() + "' -I -X utf8 -u '" + worker.install(file.getParent()) + "' \"$6\"",
                "fi");
    }
}
