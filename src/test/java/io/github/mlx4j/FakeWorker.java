package io.github.mlx4j;

import io.github.mlx4j.internal.worker.WorkerLaunch;
import io.github.mlx4j.internal.worker.WorkerScripts;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Availability;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** The worker without ML packages, {@code python/tests/fake_worker.py}; that file says which faults it offers. */
public final class FakeWorker {

    /** Its entry script. */
    public static final WorkerScripts SCRIPTS =
            folder -> Path.of("python", "tests", "fake_worker.py").toAbsolutePath();

    private static final Path PYTHON = realPython();

    private FakeWorker() {}

    /** The Python on the PATH: the interpreter itself, where a version manager's script stands before it. */
    public static Path python() {
        return PYTHON;
    }

    /** What starts it. */
    public static WorkerLaunch launch() {
        return new WorkerLaunch(ProviderKind.MLX, PYTHON, SCRIPTS, Map.of());
    }

    /** What a probe says where it can run. */
    public static Availability ready() {
        return new Availability.Ready(PYTHON, "3", Map.of());
    }

    private static Path realPython() {
        try {
            Process python = new ProcessBuilder("python3", "-c", "import sys; print(sys.executable)").start();
            return Path.of(new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
        } catch (IOException error) {
            throw new UncheckedIOException("The tests need python3 on the PATH", error);
        }
    }
}
