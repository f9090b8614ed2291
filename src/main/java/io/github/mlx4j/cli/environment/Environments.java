package io.github.mlx4j.cli.environment;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.BasePython;
import io.github.mlx4j.environment.Installation;
import io.github.mlx4j.environment.InstallationCheck;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.internal.files.FileFault;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.PrivateFiles;
import io.github.mlx4j.internal.process.PrivateFolder;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The managed Python environments, one per worker kind, at {@code <home>/envs/<kind>}.
 *
 * <p>An environment is complete if its file {@value #MARKER} matches the requirements that it was created from. That
 * file is written last, after the environment was verified and sealed: it contains only the locked packages, every file
 * matches its package's list, and all files are listed. An incomplete environment is recreated. A lock prevents two
 * set-ups from running at the same time.
 */
final class Environments {

    static final String MARKER = "mlx4j-requirements.sha256";

    private static final Pattern COLLECTING = Pattern.compile("Collecting ([^\\s;(]+).*");
    private static final double GB = 1e9;

    /**
     * Matches the messages of pip and uv about a missing connection to the index; pip then claims that the version does
     * not exist.
     */
    private static final Pattern NO_INDEX = Pattern.compile("Retrying \\(Retry|NewConnectionError|ConnectTimeoutError|"
            + "ProxyError|name resolution|Network is unreachable|[Cc]onnection refused|[Cc]ould not connect|"
            + "error sending request|dns error");

    private static final int MAX_LINE = 1000;
    private static final int MAX_NAMED = 5;

    /** The variables that configure pip and uv: where packages come from, proxies and certificates. */
    private static final Set<String> INHERITED = Stream.concat(
                    WorkerEnvironment.NETWORK.stream(),
                    Stream.of(
                            "XDG_CONFIG_HOME",
                            "NETRC",
                            "PIP_CACHE_DIR",
                            "PIP_CERT",
                            "PIP_CLIENT_CERT",
                            "PIP_CONFIG_FILE",
                            "PIP_DEFAULT_TIMEOUT",
                            "PIP_EXTRA_INDEX_URL",
                            "PIP_FIND_LINKS",
                            "PIP_INDEX_URL",
                            "PIP_KEYRING_PROVIDER",
                            "PIP_NO_INDEX",
                            "PIP_PROXY",
                            "PIP_RETRIES",
                            "PIP_TIMEOUT",
                            "PIP_TRUSTED_HOST",
                            "UV_CACHE_DIR",
                            "UV_CONFIG_FILE",
                            "UV_DEFAULT_INDEX",
                            "UV_EXTRA_INDEX_URL",
                            "UV_FIND_LINKS",
                            "UV_HTTP_TIMEOUT",
                            "UV_INDEX",
                            "UV_INDEX_URL",
                            "UV_INSECURE_HOST",
                            "UV_KEYRING_PROVIDER",
                            "UV_NATIVE_TLS",
                            "UV_NO_INDEX",
                            "UV_OFFLINE",
                            "UV_PYTHON_INSTALL_DIR",
                            "UV_SYSTEM_CERTS"))
            .collect(Collectors.toUnmodifiableSet());

    private final Path home;
    private final Platform platform;
    private final Interpreters interpreters;
    private final Map<String, String> environment;
    private final Consumer<String> progress;

    /**
     * Creates the environments' manager.
     *
     * @param interpreters finds the Python that the environments are created with; also provides the home folder
     * @param environment the variables of this process; pip and uv inherit some of them
     */
    Environments(
            Platform platform, Interpreters interpreters, Map<String, String> environment, Consumer<String> progress) {
        this.home = interpreters.home();
        this.platform = platform;
        this.interpreters = interpreters;
        this.environment = environment;
        this.progress = progress;
    }

    /** Creates the environment unless it is complete, and returns a one-line description of it. */
    String make(ProviderKind kind, boolean force) {
        if (platform.isWindows()) {
            throw new NotSupportedException("The workers don't run on Windows.", "Use WSL.");
        }
        whyNotHere(kind).ifPresent(not -> {
            throw new NotSupportedException(not.reason(), not.fix());
        });
        Path environment = home.resolve("envs").resolve(kind.id());
        try {
            PrivateFiles.check(home);
            PrivateFiles.createEnvironments(home);
            Path lock = environment.resolveSibling(kind.id() + ".lock");
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = channel.lock()) {
                return held.isValid() ? makeLocked(kind, environment, force) : "";
            }
        } catch (IOException error) {
            throw new ConfigurationException(
                    "The environment at %s could not be made (%s).".formatted(environment, FileFault.of(error)),
                    "Check the folder and its disk, or set MLX4J_HOME to another one.",
                    error);
        }
    }

    /**
     * Returns why the platform is unsupported. On Linux, the locked packages have builds for all processors; on macOS
     * only for Apple silicon.
     */
    private Optional<Availability.Unavailable> whyNotHere(ProviderKind kind) {
        if (!platform.isMac()) {
            return Optional.empty();
        }
        if (kind == ProviderKind.MLX || platform.isAppleSilicon()) {
            return kind == ProviderKind.MLX ? platform.whyNotForMlx() : Optional.empty();
        }
        return Optional.of(new Availability.Unavailable(
                Reason.NOT_ARM64,
                "PyTorch, which the hf worker needs, has no current builds for Intel Macs.",
                "Use another provider on this Mac, such as ollama."));
    }

    private String makeLocked(ProviderKind kind, Path environment, boolean force) throws IOException {
        String requirements = BundledScripts.text("requirements/" + kind.id() + ".txt");
        String digest = sha256(requirements);
        if (!force && isWhole(kind, environment, digest, requirements)) {
            return "%s: ready at %s".formatted(kind.id(), environment);
        }
        Availability.Ready python = basePython(kind); // before anything is deleted
        if (Files.exists(environment)) {
            progress.accept("%s: the environment at %s is outdated, broken or half made; it is made anew"
                    .formatted(kind.id(), environment));
            FileTree.delete(environment);
        }
        checkDisk(kind, environment);
        Optional<Path> uv = interpreters.folders().find("uv");
        progress.accept("%s: making an environment with %s%s"
                .formatted(kind.id(), python.interpreter(), uv.isPresent() ? " and uv" : ""));
        try (PrivateFolder folder = PrivateFolder.create("setup")) {
            Path file = Files.writeString(folder.path().resolve("requirements.txt"), requirements);
            install(kind, environment, python, uv, file, requirements);
        }
        progress.accept("%s: removing what installed it, and checking every file".formatted(kind.id()));
        List<String> differing = seal(kind, environment, requirements);
        if (differing == null || !differing.isEmpty()) {
            throw new DependencyMissingException(
                    "The files of the new environment at %s are not those of its packages: %s."
                            .formatted(environment, differing == null ? "they can't be checked" : some(differing)),
                    "Try `mlx4j setup %s --force`.".formatted(kind.id()));
        }
        progress.accept("%s: checking it with a token from a tiny model".formatted(kind.id()));
        String report = verify(kind, environment);
        Files.writeString(environment.resolve(MARKER), digest + "\n");
        return "%s: ready at %s (%s)%n%s: to undo, remove that folder"
                .formatted(kind.id(), environment, report, kind.id());
    }

    private boolean isWhole(ProviderKind kind, Path environment, String digest, String requirements)
            throws IOException {
        Path marker = environment.resolve(MARKER);
        if (!Files.isRegularFile(marker) || !Files.readString(marker).strip().equals(digest)) {
            return false;
        }
        Interpreters managed = new Interpreters(
                Interpreters.managed(home, kind).toString(), "MLX4J_HOME", home, interpreters.folders());
        if (!new WorkerProbe(kind, platform, true, managed).check().isReady()) {
            return false;
        }
        List<String> differing = differences(kind, List.of("check"));
        boolean isOlder = differing == null || differing.isEmpty() && !BundledScripts.isCopiedTo(environment);
        if (isOlder) { // another version created it
            progress.accept("%s: keeping only what is locked, and checking every file once".formatted(kind.id()));
            differing = seal(kind, environment, requirements);
        }
        if (differing != null && !differing.isEmpty()) {
            progress.accept("%s: %s".formatted(kind.id(), some(differing)));
        }
        return differing != null && differing.isEmpty();
    }

    /** Removes everything except the locked packages and the compiled worker scripts, and records all files. */
    private @Nullable List<String> seal(ProviderKind kind, Path environment, String requirements) throws IOException {
        BundledScripts.copyInto(environment);
        Stream<String> locked =
                requirements.lines().filter(line -> line.contains("==")).map(line -> line.split("==")[0]);
        return differences(kind, Stream.concat(Stream.of("seal"), locked).toList());
    }

    /**
     * Returns the differences in the new environment, or {@code null} if its files were never recorded or can't be
     * checked.
     */
    private @Nullable List<String> differences(ProviderKind kind, List<String> arguments) throws IOException {
        List<String> command =
                new ArrayList<>(inside(kind, "-X", "utf8", "-c", BundledScripts.check("environment_files.py")));
        command.addAll(arguments);
        String[] last = {""};
        int exit = execute(command, line -> {}, line -> last[0] = line);
        return exit == 0 ? new JsonMapper().readValue(last[0], new TypeReference<@Nullable List<String>>() {}) : null;
    }

    private static String some(List<String> differing) {
        int more = differing.size() - MAX_NAMED;
        return differing.stream().limit(MAX_NAMED).collect(Collectors.joining("; "))
                + (more > 0 ? " and %d more".formatted(more) : "");
    }

    private void checkDisk(ProviderKind kind, Path environment) throws IOException {
        double needed = kind == ProviderKind.MLX ? 1.0 : platform.os().startsWith("Mac") ? 2.0 : 8.0;
        double free = Files.getFileStore(environment.getParent()).getUsableSpace() / GB;
        progress.accept("%s: needs up to %.0f GB while it is made (%s); %.0f GB are free"
                .formatted(
                        kind.id(),
                        needed,
                        needed > 5 ? "5 GB afterwards: PyPI's torch brings CUDA on Linux" : "less afterwards",
                        free));
        if (free < needed) {
            throw new ConfigurationException(
                    "The disk of %s has %.1f GB free, but the %s environment needs %.0f GB."
                            .formatted(environment.getParent(), free, kind.id(), needed),
                    "Make room, or set MLX4J_HOME to a folder on another disk.");
        }
    }

    private Availability.Ready basePython(ProviderKind kind) {
        Availability found = new BasePython(platform, interpreters).find(kind.id());
        if (found instanceof Availability.Unavailable not) {
            throw new DependencyMissingException(not.reason(), not.fix());
        }
        return (Availability.Ready) found;
    }

    private void install(
            ProviderKind kind,
            Path environment,
            Availability.Ready python,
            Optional<Path> uv,
            Path file,
            String requirements) {
        String target = environment.toString();
        if (uv.isPresent()) {
            String program = uv.get().toString();
            String base = python.interpreter().toString();
            must(kind, command(python.launcher(), program, "venv", "--quiet", "--python", base, target), 0);
            must(
                    kind,
                    command(
                            python.launcher(),
                            program,
                            "pip",
                            "install",
                            "--python",
                            Interpreters.managed(home, kind).toString(),
                            "--require-hashes",
                            "--no-build",
                            "--compile-bytecode",
                            "-r",
                            file.toString()),
                    0);
        } else {
            must(kind, command(python.command(), "-I", "-m", "venv", target), 0);
            int packages = (int)
                    requirements.lines().filter(line -> line.contains("==")).count();
            must(
                    kind,
                    inside(
                            kind,
                            "-m",
                            "pip",
                            "install",
                            "--disable-pip-version-check",
                            "--require-hashes",
                            "--only-binary",
                            ":all:",
                            "-r",
                            file.toString()),
                    packages);
        }
    }

    /**
     * Returns a command that runs the new environment's interpreter, isolated from the user's Python settings and
     * packages.
     */
    private List<String> inside(ProviderKind kind, String... arguments) {
        List<String> python = command(
                interpreters.launcher(platform),
                Interpreters.managed(home, kind).toString(),
                "-I");
        return command(python, arguments);
    }

    private static List<String> command(List<String> first, String... then) {
        return Stream.concat(first.stream(), Stream.of(then)).toList();
    }

    /** Checks the new environment as {@code verify-install} does, and returns its capabilities in one line. */
    private String verify(ProviderKind kind, Path environment) {
        Installation found = new InstallationCheck(kind, platform, true, interpreters, InstallationCheck.PATIENCE)
                .run(Interpreters.managed(home, kind));
        if (!found.passed()) {
            found.steps().stream()
                    .filter(step -> step.status() == Installation.Status.FAILED)
                    .forEach(step -> progress.accept("  " + cut(step.name() + ": " + step.detail())));
            throw new DependencyMissingException(
                    "The new environment at " + environment + " does not work.",
                    "The lines above say why. Try `mlx4j setup " + kind.id() + " --force`.");
        }
        List<Installation.Step> steps = found.steps();
        return steps.get(steps.size() - 1).detail();
    }

    private void must(ProviderKind kind, List<String> command, int packages) {
        int[] seen = {0};
        AtomicBoolean unreachable = new AtomicBoolean();
        int exit = execute(
                command,
                line -> unreachable.compareAndSet(false, NO_INDEX.matcher(line).find()),
                line -> {
                    var collecting = COLLECTING.matcher(line);
                    if (collecting.matches()) {
                        progress.accept("%s: package %d of at most %d, %s"
                                .formatted(kind.id(), ++seen[0], packages, collecting.group(1)));
                    } else if (line.startsWith("Installing") || line.startsWith("ERROR") || packages == 0) {
                        progress.accept(kind.id() + ": " + (line.length() > 100 ? line.substring(0, 100) + "…" : line));
                    }
                });
        if (exit != 0 && unreachable.get()) {
            throw new DependencyMissingException(
                    "The package index can't be reached, so the packages of the %s worker can't be installed."
                            .formatted(kind.id()),
                    "Check the network. Behind a proxy set HTTPS_PROXY, or PIP_INDEX_URL (with uv UV_DEFAULT_INDEX) for"
                            + " an index of your own, and run `mlx4j setup " + kind.id()
                            + "` again. The lines above are"
                            + " the installer's own.");
        }
        if (exit != 0) {
            throw new DependencyMissingException(
                    "`%s` failed with exit code %d.".formatted(String.join(" ", command), exit),
                    "The lines above say why. What was made so far is made anew by the next `mlx4j setup " + kind.id()
                            + "`.");
        }
    }

    /**
     * Runs a command and returns its exit code. {@code watch} receives every line that it prints, {@code output} those
     * of its standard output.
     */
    private int execute(List<String> command, Consumer<String> watch, Consumer<String> output) {
        try {
            return IsolatedProcess.run(
                    command,
                    WorkerEnvironment.from(environment, INHERITED, WorkerEnvironment.proxies(System.getProperties())),
                    IsolatedProcess.FOREVER,
                    line -> {
                        watch.accept(line);
                        output.accept(line);
                    },
                    line -> {
                        watch.accept(line);
                        progress.accept("  " + cut(line));
                    });
        } catch (IOException error) {
            progress.accept("  " + error.getMessage());
            return -1;
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException(
                    "The set-up was interrupted.",
                    "Run `mlx4j setup` again; it makes what is unfinished anew.",
                    interrupt);
        } catch (TimeoutException never) {
            throw new IllegalStateException(never);
        }
    }

    private static String cut(String line) {
        return line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "…" : line;
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
