package io.github.mlx4j.cli;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.internal.worker.BundledScripts;
import io.github.mlx4j.internal.worker.PrivateFolder;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Interpreters;
import io.github.mlx4j.probe.Platform;
import io.github.mlx4j.probe.WorkerProbe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.stream.LogOutputStream;

/**
 * The managed Python environments, one per worker kind, at {@code <home>/envs/<kind>}.
 *
 * <p>An environment is whole when the file {@value #MARKER} in it names the requirements that it was made from; that
 * file is written last, after the environment was verified. Anything else is made anew. A lock keeps two set-ups apart.
 */
final class Environments {

    static final String MARKER = "mlx4j-requirements.sha256";

    private static final Pattern COLLECTING = Pattern.compile("Collecting ([^\\s;(]+).*");
    private static final List<String> PYTHONS = List.of("python3.13", "python3.12", "python3.11", "python3", "python");
    private static final String VERSION_AND_PLACE =
            "import sys; sys.version_info[0] == 3 and print(sys.version_info[1], sys.executable)";
    private static final double GB = 1e9;

    private final Path home;
    private final Platform platform;
    private final String path;
    private final Optional<String> named;
    private final Consumer<String> progress;

    /** {@code path} and {@code pythonPath} are the values of these variables. */
    Environments(
            Path home,
            Platform platform,
            @Nullable String path,
            @Nullable String pythonPath,
            Consumer<String> progress) {
        this.home = home;
        this.platform = platform;
        this.path = path == null ? "" : path;
        this.named = Optional.ofNullable(pythonPath).filter(value -> !value.isBlank());
        this.progress = progress;
    }

    /** Makes the environment unless it is whole already, and says in one line what there is now. */
    String make(ProviderKind kind, boolean force) {
        if (platform.isWindows()) {
            throw new NotSupportedException("The workers don't run on Windows.", "Use WSL.");
        }
        Path environment = home.resolve("envs").resolve(kind.id());
        try {
            Files.createDirectories(environment.getParent());
            Path lock = environment.resolveSibling(kind.id() + ".lock");
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = channel.lock()) {
                return held.isValid() ? makeLocked(kind, environment, force) : "";
            }
        } catch (IOException error) {
            throw new UncheckedIOException("The environment at " + environment + " could not be made", error);
        }
    }

    private String makeLocked(ProviderKind kind, Path environment, boolean force) throws IOException {
        String requirements = BundledScripts.text("requirements/" + kind.id() + ".txt");
        String digest = sha256(requirements);
        if (!force && isWhole(kind, environment, digest)) {
            return "%s: ready at %s".formatted(kind.id(), environment);
        }
        if (Files.exists(environment)) {
            progress.accept("%s: the environment at %s is outdated, broken or half made; it is made anew"
                    .formatted(kind.id(), environment));
            delete(environment);
        }
        checkDisk(kind, environment);
        Path python = basePython();
        Optional<Path> uv = onPath("uv");
        progress.accept(
                "%s: making an environment with %s%s".formatted(kind.id(), python, uv.isPresent() ? " and uv" : ""));
        Path file = Files.createTempFile("mlx4j-requirements", ".txt");
        try {
            Files.writeString(file, requirements);
            install(kind, environment, python, uv, file, requirements);
        } finally {
            Files.delete(file);
        }
        progress.accept("%s: checking it with a token from a tiny model".formatted(kind.id()));
        String report = verify(kind, environment);
        Files.writeString(environment.resolve(MARKER), digest + "\n");
        return "%s: ready at %s %s%n%s: to undo, remove that folder"
                .formatted(kind.id(), environment, report, kind.id());
    }

    private boolean isWhole(ProviderKind kind, Path environment, String digest) throws IOException {
        Path marker = environment.resolve(MARKER);
        if (!Files.isRegularFile(marker) || !Files.readString(marker).strip().equals(digest)) {
            return false;
        }
        Interpreters interpreters =
                new Interpreters(Interpreters.managed(home, kind).toString(), "MLX4J_HOME", home, path);
        return new WorkerProbe(kind, platform, true, interpreters).check().isReady();
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

    /** The first Python that is new enough. */
    private Path basePython() {
        List<String> tooOld = new ArrayList<>();
        for (String program : named.map(List::of).orElse(PYTHONS)) {
            Optional<Path> python = program.contains("/") ? Optional.of(Path.of(program)) : onPath(program);
            if (python.isPresent()) {
                String[] answer = run(List.of(python.get().toString(), "-c", VERSION_AND_PLACE), Map.of(), false)
                        .strip()
                        .split(" ", 2);
                if (answer.length == 2 && Integer.parseInt(answer[0]) >= WorkerProbe.OLDEST_PYTHON_MINOR) {
                    return Path.of(answer[1]);
                }
                tooOld.add(python.get()
                        + (answer.length == 2 ? " is Python 3." + answer[0] : " does not run as Python 3"));
            }
        }
        throw new DependencyMissingException(
                "There is no Python 3.%d or newer%s."
                        .formatted(
                                WorkerProbe.OLDEST_PYTHON_MINOR,
                                tooOld.isEmpty() ? "" : ": " + String.join(", ", tooOld)),
                "Install one (macOS: `brew install python`, Debian: `apt install python3 python3-venv`), or name one in PYTHON_PATH.");
    }

    private void install(
            ProviderKind kind, Path environment, Path python, Optional<Path> uv, Path file, String requirements) {
        String target = environment.toString();
        String inside = Interpreters.managed(home, kind).toString();
        if (uv.isPresent()) {
            String program = uv.get().toString();
            must(kind, List.of(program, "venv", "--quiet", "--python", python.toString(), target), 0);
            must(
                    kind,
                    List.of(
                            program,
                            "pip",
                            "install",
                            "--python",
                            inside,
                            "--require-hashes",
                            "--no-build",
                            "--compile-bytecode",
                            "-r",
                            file.toString()),
                    0);
        } else {
            must(kind, List.of(python.toString(), "-m", "venv", target), 0);
            int packages = (int)
                    requirements.lines().filter(line -> line.contains("==")).count();
            must(
                    kind,
                    List.of(
                            inside,
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

    private String verify(ProviderKind kind, Path environment) throws IOException {
        String script = BundledScripts.text("verify_environment.py");
        String inside = Interpreters.managed(home, kind).toString();
        List<String> command = List.of(inside, "-I", "-X", "utf8", "-c", script, kind.id());
        String report;
        try (PrivateFolder temporary = PrivateFolder.create("setup")) {
            report = run(command, temporary.asTemporary(), true).strip();
        }
        if (!report.startsWith("{")) {
            throw new DependencyMissingException(
                    "The new environment at " + environment + " does not work.",
                    "The lines above say why. Try `mlx4j setup " + kind.id() + " --force`.");
        }
        return report;
    }

    private void must(ProviderKind kind, List<String> command, int packages) {
        int[] seen = {0};
        int exit = execute(command, Map.of(), true, new LogOutputStream() {
            @Override
            protected void processLine(String line) {
                var collecting = COLLECTING.matcher(line);
                if (collecting.matches()) {
                    progress.accept("%s: package %d of at most %d, %s"
                            .formatted(kind.id(), ++seen[0], packages, collecting.group(1)));
                } else if (line.startsWith("Installing") || line.startsWith("ERROR") || packages == 0) {
                    progress.accept(kind.id() + ": " + (line.length() > 100 ? line.substring(0, 100) + "…" : line));
                }
            }
        });
        if (exit != 0) {
            throw new DependencyMissingException(
                    "`%s` failed with exit code %d.".formatted(String.join(" ", command), exit),
                    "The lines above say why. What was made so far is made anew by the next `mlx4j setup " + kind.id()
                            + "`.");
        }
    }

    /** The standard output of a command; empty where it failed. */
    private String run(List<String> command, Map<String, String> environment, boolean showErrors) {
        StringBuilder output = new StringBuilder();
        int exit = execute(command, environment, showErrors, new LogOutputStream() {
            @Override
            protected void processLine(String line) {
                output.append(line).append('\n');
            }
        });
        return exit == 0 ? output.toString() : "";
    }

    private int execute(
            List<String> command, Map<String, String> environment, boolean showErrors, LogOutputStream output) {
        try {
            ProcessResult result = new ProcessExecutor(command)
                    .environment(environment)
                    .redirectErrorStream(false)
                    .redirectOutput(output.setOutputCharset("UTF-8"))
                    .redirectError(new LogOutputStream() {
                        @Override
                        protected void processLine(String line) {
                            if (showErrors) {
                                progress.accept("  " + line);
                            }
                        }
                    })
                    .setMessageLogger(MessageLoggers.NOP)
                    .execute();
            return result.getExitValue();
        } catch (IOException error) {
            progress.accept("  " + error.getMessage());
            return -1;
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            return -1;
        } catch (TimeoutException never) {
            throw new IllegalStateException(never);
        }
    }

    private Optional<Path> onPath(String program) {
        return Stream.of(path.split(":"))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, program))
                .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                .findFirst();
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
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
