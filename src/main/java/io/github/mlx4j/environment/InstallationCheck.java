package io.github.mlx4j.environment;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * Checks an installation step by step, where {@link WorkerProbe} gives a single answer. It checks the platform, the
 * interpreter, the Python version, the packages and their versions, and that the packages can be imported, can compute,
 * and can generate a token with a tiny model created in memory. It also checks that no CUDA packages were installed
 * along with MLX. This takes seconds, in a new process with the interpreter flags and the environment of a worker.
 * Thread-safe.
 */
public final class InstallationCheck {

    /** The recommended timeout for all steps in Python together. On a slow disk, imports take a minute. */
    public static final Duration PATIENCE = Duration.ofMinutes(5);

    /** The step that no other step depends on. If it fails, the other steps still run. */
    public static final String NO_CUDA = "no CUDA packages";

    private final ProviderKind kind;
    private final Platform platform;
    private final boolean anyPlatform;
    private final Interpreters interpreters;
    private final Duration patience;

    /** Creates a check; {@code anyPlatform} allows MLX on platforms other than macOS on Apple silicon. */
    public InstallationCheck(
            ProviderKind kind, Platform platform, boolean anyPlatform, Interpreters interpreters, Duration patience) {
        this.kind = kind;
        this.platform = platform;
        this.anyPlatform = anyPlatform;
        this.interpreters = interpreters;
        this.patience = patience;
    }

    /** Runs all steps, except those that depend on a failed step. */
    public Installation run() {
        List<Installation.Step> steps = new ArrayList<>();
        steps.add(platform());
        PythonSearch.Found found = new WorkerProbe(kind, platform, true, interpreters).find("find", patience);
        Path interpreter = found.interpreter();
        if (interpreter == null) {
            Availability.Unavailable missing = found.not();
            steps.add(Installation.Step.failed("interpreter", 0, missing.reason(), missing.fix()));
            return new Installation(kind, null, Map.of(), steps);
        }
        return in(interpreter, steps);
    }

    /** Runs the steps with the given interpreter, without searching for one or checking the platform. */
    public Installation run(Path interpreter) {
        return in(interpreter, new ArrayList<>());
    }

    private Installation in(Path interpreter, List<Installation.Step> steps) {
        InstallationOutput python = new InstallationOutput();
        steps.add(ask(interpreter, python));
        steps.addAll(python.all());
        return new Installation(kind, interpreter, python.versions(), steps);
    }

    private Installation.Step platform() {
        Optional<Availability.Unavailable> wrong = platform.isWindows()
                ? Optional.of(WorkerProbe.NOT_ON_WINDOWS)
                : kind == ProviderKind.MLX ? platform.whyNotForMlx() : Optional.empty();
        String here = platform.os() + " on " + platform.arch();
        if (wrong.isPresent() && (platform.isWindows() || !anyPlatform)) {
            return Installation.Step.failed(
                    "platform", 0, wrong.get().reason(), wrong.get().fix());
        }
        return Installation.Step.passed(
                "platform", 0, wrong.isPresent() ? here + ", as MLX4J_ALLOW_ANY_PLATFORM allows" : here);
    }

    /** Checks that the interpreter runs, and passes its output to {@code steps}. */
    private Installation.Step ask(Path interpreter, InstallationOutput steps) {
        long begun = System.nanoTime();
        IsolatedProcess.Excerpt errors = new IsolatedProcess.Excerpt(2000);
        String broken;
        try {
            List<String> command = new ArrayList<>(interpreters.launcher(platform));
            command.addAll(List.of(
                    interpreter.toString(), "-I", "-X", "utf8", "-c", BundledScripts.check("verify_install.py")));
            command.add(kind.id());
            command.add(Requirements.of(kind).argument());
            int exit = IsolatedProcess.run(
                    command, WorkerEnvironment.from(System.getenv(), Map.of()), patience, steps::accept, errors);
            broken = exit == 0
                    ? ""
                    : "ended with exit code %d: %s".formatted(exit, errors).strip();
        } catch (TimeoutException late) {
            broken = "was not done within " + patience.toSeconds() + " s";
        } catch (IOException error) {
            broken = "could not be asked: " + error.getMessage();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The check of " + interpreter + " was interrupted.", "", interrupt);
        }
        String setup = "Run `mlx4j setup %s --force`, or name another interpreter.".formatted(kind.id());
        if (!broken.isEmpty() && steps.broke(broken, setup)) {
            broken = ""; // the current step has failed, not the interpreter
        }
        double ms = (System.nanoTime() - begun) / 1e6;
        return broken.isEmpty() && steps.areThere()
                ? Installation.Step.passed("interpreter", ms - steps.ms(), interpreter.toString())
                : Installation.Step.failed(
                        "interpreter",
                        ms,
                        interpreter + " " + (broken.isEmpty() ? "printed nothing that a Python would" : broken),
                        setup);
    }
}
