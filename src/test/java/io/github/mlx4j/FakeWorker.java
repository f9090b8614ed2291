package io.github.mlx4j;

import io.github.mlx4j.internal.worker.WorkerLaunch;
import io.github.mlx4j.internal.worker.WorkerScripts;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Availability;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** The worker without ML packages, {@code python/tests/fake_worker.py}; that file says which faults it offers. */
public final class FakeWorker {

    /** Its entry script. */
    public static final WorkerScripts SCRIPTS =
            folder -> Path.of("python", "tests", "fake_worker.py").toAbsolutePath();

    private FakeWorker() {}

    /** The Python on the PATH. */
    public static Path python() {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "python3"))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow();
    }

    /** What starts it. */
    public static WorkerLaunch launch() {
        return new WorkerLaunch(ProviderKind.MLX, python(), SCRIPTS, Map.of());
    }

    /** What a probe says where it can run. */
    public static Availability ready() {
        return new Availability.Ready(python(), "3", Map.of());
    }
}
