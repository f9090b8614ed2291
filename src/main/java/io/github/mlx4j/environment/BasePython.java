package io.github.mlx4j.environment;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Finds the Python from which {@code mlx4j setup} creates an environment: the first one for which the locked packages
 * have builds. Thread-safe.
 */
public final class BasePython {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Platform platform;
    private final Interpreters interpreters;

    /** Creates a finder that searches the given places. */
    public BasePython(Platform platform, Interpreters interpreters) {
        this.platform = platform;
        this.interpreters = interpreters;
    }

    /** Returns the interpreter, without any packages, or the reason why none is suitable. Every call searches again. */
    public Availability find(String kind) {
        return new PythonSearch(interpreters, platform, PATIENCE)
                .first(
                        interpreters.installed(),
                        List.of("find"),
                        (path, report) -> judge(path, report, kind),
                        null,
                        kind)
                .availability();
    }

    private Availability judge(Path interpreter, PythonReport report, String kind) {
        if (report.isNewerThan(3, Interpreters.NEWEST_PYTHON_MINOR)) {
            return new Availability.Unavailable(
                    Reason.PYTHON_TOO_NEW,
                    "%s is Python %s, but the locked packages have builds for 3.%d to 3.%d only."
                            .formatted(
                                    interpreter,
                                    report.versionText(),
                                    WorkerProbe.OLDEST_PYTHON_MINOR,
                                    Interpreters.NEWEST_PYTHON_MINOR),
                    "Install Python 3.%d beside it and run `mlx4j setup %s`, or name one in PYTHON_PATH."
                            .formatted(Interpreters.NEWEST_PYTHON_MINOR, kind));
        }
        return report.whyUnsuitable(interpreter, "the worker", platform.isAppleSilicon(), kind)
                .<Availability>map(not -> not)
                .orElseGet(() -> new Availability.Ready(
                        Path.of(report.executable()), interpreters.launcher(platform), report.versionText(), Map.of()));
    }
}
