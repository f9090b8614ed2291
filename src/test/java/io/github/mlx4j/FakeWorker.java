package io.github.mlx4j;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.BasePython;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.Map;

/**
 * Starts the worker without ML packages, {@code python/tests/fake_worker.py}, which documents the faults that it can
 * simulate.
 */
public final class FakeWorker {

    /** Its entry script. */
    public static final WorkerScripts SCRIPTS =
            folder -> Path.of("python", "tests", "fake_worker.py").toAbsolutePath();

    private static final Path PYTHON = realPython();

    private FakeWorker() {}

    /** The Python that `mlx4j setup` would make environments from. */
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
        Interpreters interpreters =
                new Interpreters(System.getenv("PYTHON_PATH"), "PYTHON_PATH", Path.of(""), ProgramFolders.current());
        Availability found = new BasePython(Platform.current(), interpreters).find("mlx");
        if (found instanceof Availability.Ready python) {
            return python.interpreter();
        }
        throw new IllegalStateException("The tests need a Python: " + found);
    }
}
