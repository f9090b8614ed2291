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
 * Checks whether a worker can run here: platform, interpreter, Python version, and packages, in this order. The first
 * failure is the result. If there are several interpreters, the first one that meets all requirements is used. A check
 * takes about a tenth of a second per interpreter, starts no worker, and loads no model. Thread-safe.
 */
public final class WorkerProbe {

    /** The oldest Python that mlx-lm and transformers support: 3.{@value}. */
    public static final int OLDEST_PYTHON_MINOR = 11;

    /** How long a negative result of {@link #check()} is cached. */
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

    /** Creates a probe; {@code anyPlatform} skips the check for macOS on Apple silicon. */
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
     * Returns whether the worker can run here. Positive results are cached, negative ones for {@link #NEGATIVE_CACHE}.
     * The files of a managed environment are checked every time.
     *
     * @throws io.github.mlx4j.error.ConfigurationException if other users can write to the managed environment
     * @throws CancelledException if this thread is interrupted; this result is not cached
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
     * Returns whether the worker can run here, after importing all packages, which takes seconds. The cache is not
     * used.
     *
     * @throws CancelledException if this thread is interrupted
     */
    public Availability checkImports() {
        return keep(look("import"));
    }

    /** Returns a security warning about an interpreter that can run the worker; empty if there is none. */
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

    /**
     * Finds the interpreter for a worker, without checking the platform; {@code mode} is {@code find} or
     * {@code import}.
     */
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
