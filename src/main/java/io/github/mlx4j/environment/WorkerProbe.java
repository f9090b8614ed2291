package io.github.mlx4j.environment;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.process.PrivateFiles;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds out whether a worker can run here: platform, interpreter, Python's version, packages, in this order; the first
 * that fails is the answer. Where there are several interpreters, the first that has all it takes is chosen. Takes a
 * tenth of a second for each interpreter, starts no worker, loads no model. Thread-safe.
 */
public final class WorkerProbe {

    /** The oldest Python that mlx-lm and transformers run on: 3.{@value}. */
    public static final int OLDEST_PYTHON_MINOR = 11;

    /** How long a negative answer of {@link #check()} is kept. */
    public static final Duration NEGATIVE_CACHE = Duration.ofSeconds(30);

    static final Availability.Unavailable NOT_ON_WINDOWS = new Availability.Unavailable(
            Reason.WINDOWS, "The workers don't run on Windows.", "Use another provider, or WSL.");

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ProviderKind kind;
    private final Platform platform;
    private final boolean anyPlatform;
    private final Interpreters interpreters;
    private final ManagedEnvironment managed;
    private final LongSupplier nanoTime;
    private @Nullable Availability last;
    private long lastAt;

    /** Creates it; {@code anyPlatform} skips the check for macOS on Apple silicon. */
    public WorkerProbe(ProviderKind kind, Platform platform, boolean anyPlatform, Interpreters interpreters) {
        this(kind, platform, anyPlatform, interpreters, System::nanoTime);
    }

    WorkerProbe(
            ProviderKind kind,
            Platform platform,
            boolean anyPlatform,
            Interpreters interpreters,
            LongSupplier nanoTime) {
        this.kind = kind;
        this.platform = platform;
        this.anyPlatform = anyPlatform;
        this.interpreters = interpreters;
        this.managed = ManagedEnvironment.of(interpreters.home(), kind);
        this.nanoTime = nanoTime;
    }

    /**
     * The answer. A positive one is kept, a negative one for {@link #NEGATIVE_CACHE}. The files of a managed
     * environment are looked at each time.
     *
     * @throws io.github.mlx4j.error.ConfigurationException if other users can write to the managed environment
     * @throws CancelledException if this thread is interrupted; that is not kept
     */
    public synchronized Availability check() {
        Availability known = last;
        if (known == null || (!known.isReady() && nanoTime.getAsLong() - lastAt >= NEGATIVE_CACHE.toNanos())) {
            known = keep(look("find"));
        } else if (known instanceof Availability.Ready ready && managed.has(ready.interpreter())) {
            known = managed.whyNot().<Availability>map(this::keep).orElse(known); // a worker is about to start
        }
        return known;
    }

    /**
     * The answer after every package was really imported, which takes seconds. Always looks anew.
     *
     * @throws CancelledException if this thread is interrupted
     */
    public Availability checkImports() {
        return keep(look("import"));
    }

    /** What the user should know about the safety of an interpreter that can run the worker; empty if all is well. */
    public Optional<String> warning(Path interpreter) {
        if (managed.has(interpreter)) {
            return managed.isListed()
                    ? Optional.empty()
                    : Optional.of(
                            "An older mlx4j made this environment, so its files are not checked before a start. Run"
                                    + " `mlx4j setup %s` to change that.".formatted(kind.id()));
        }
        return Stream.of(interpreter, interpreter.getParent(), FileTree.real(interpreter))
                .filter(path -> PrivateFiles.othersCanWrite(path)
                        .filter(mode -> mode.endsWith("w-") || mode.endsWith("wx"))
                        .isPresent())
                .findFirst()
                .map(path -> "Every user of this machine can write to %s, and so change what the worker runs."
                        .formatted(path));
    }

    private synchronized Availability keep(Availability found) {
        last = found;
        lastAt = nanoTime.getAsLong();
        return found;
    }

    private Availability look(String mode) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancelledException("The search for a Python interpreter was interrupted.", "");
        }
        if (platform.isWindows()) {
            return NOT_ON_WINDOWS;
        }
        Optional<Availability.Unavailable> wrong =
                kind == ProviderKind.MLX && !anyPlatform ? platform.whyNotForMlx() : Optional.empty();
        return wrong.isPresent() ? wrong.get() : find(mode, PATIENCE).availability();
    }

    /** The interpreter to run a worker with, whatever the platform; {@code mode} is {@code find} or {@code import}. */
    PythonSearch.Found find(String mode, Duration patience) {
        List<String> arguments = new ArrayList<>(List.of(mode));
        arguments.addAll(Requirements.of(kind).modules());
        if (interpreters.named() == null) {
            PrivateFiles.check(interpreters.home());
        }
        List<Path> candidates = interpreters.candidates(kind);
        Optional<Availability.Unavailable> wrong =
                candidates.stream().anyMatch(managed::has) ? managed.whyNot() : Optional.empty();
        if (wrong.isPresent()) {
            return new PythonSearch.Found(null, wrong.get());
        }
        Path preferred = Interpreters.managed(interpreters.home(), kind).toAbsolutePath();
        return new PythonSearch(interpreters, platform, patience)
                .first(candidates, arguments, this::judge, preferred, kind.id());
    }

    private Availability judge(Path interpreter, PythonReport report) {
        Requirements needs = Requirements.of(kind);
        boolean arm64 = kind == ProviderKind.MLX && platform.isAppleSilicon();
        Optional<Availability.Unavailable> not = report.whyUnsuitable(interpreter, needs.name(), arm64, kind.id());
        if (not.isPresent()) {
            return not.get();
        }
        if (!report.userOnly().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_USER_ONLY,
                    "%s has %s only in the user's own site-packages (pip install --user), where an isolated worker does not look."
                            .formatted(interpreter, String.join(", ", report.userOnly())),
                    "Run `mlx4j setup %s`, which creates a separate environment.".formatted(kind.id()));
        }
        if (!report.missing().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_MISSING,
                    "%s has no %s.".formatted(interpreter, String.join(", ", report.missing())),
                    "Run `mlx4j setup %s`, or name an interpreter that has it in PYTHON_PATH.".formatted(kind.id()));
        }
        if (report.broken().values().stream().anyMatch(why -> why.startsWith("ChangedFile"))) {
            return new Availability.Unavailable(
                    Reason.ENVIRONMENT_CHANGED,
                    "The environment of %s has changed since `mlx4j setup` created it: %s."
                            .formatted(interpreter, report.broken()),
                    "Run `mlx4j setup %s --force`, which recreates it.".formatted(kind.id()));
        }
        if (!report.broken().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_BROKEN,
                    "%s can't import %s.".formatted(interpreter, report.broken()),
                    "Run `mlx4j setup %s`, which repairs the managed environment.".formatted(kind.id()));
        }
        return needs.tooOld(report.versions())
                .<Availability>map(old -> new Availability.Unavailable(
                        Reason.PACKAGE_TOO_OLD,
                        "%s has %s.".formatted(interpreter, old),
                        "Run `mlx4j setup %s`, or upgrade it.".formatted(kind.id())))
                .orElseGet(() -> new Availability.Ready(
                        interpreter, interpreters.launcher(platform), report.versionText(), report.versions()));
    }
}
