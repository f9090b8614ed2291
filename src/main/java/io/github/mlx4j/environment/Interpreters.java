package io.github.mlx4j.environment;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ProviderKind;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The places to search for Python interpreters. If the user named an interpreter, only that one is used. Otherwise, the
 * search covers the managed environment, then {@code PATH}, then the {@linkplain ProgramFolders#elsewhere() usual
 * folders}.
 *
 * @param named an interpreter that the user named, or {@code null}
 * @param setting the setting that named it, for messages
 * @param home the folder of the managed environments
 * @param folders the folders to search for programs
 */
public record Interpreters(@Nullable String named, String setting, Path home, ProgramFolders folders) {

    /** The newest Python for which the locked packages have builds: 3.{@value}. */
    static final int NEWEST_PYTHON_MINOR = 14;

    /**
     * On {@code PATH}, the interpreter that the user would get by typing {@code python3} comes first; elsewhere, the
     * newest comes first.
     */
    private static final List<String> PLAIN_NAMES = List.of("python3", "python");

    private static final List<String> VERSIONED_NAMES = IntStream.iterate(
                    NEWEST_PYTHON_MINOR, minor -> minor >= WorkerProbe.OLDEST_PYTHON_MINOR, minor -> minor - 1)
            .mapToObj(minor -> "python3." + minor)
            .toList();

    /** Returns the interpreter in the managed environment of a worker kind. */
    public static Path managed(Path home, ProviderKind kind) {
        return environment(home, kind).resolve("bin").resolve("python");
    }

    /** Returns the folder of a worker's managed environment within a home folder. */
    static Path environment(Path home, ProviderKind kind) {
        return home.resolve("envs").resolve(kind.id());
    }

    /** Returns the interpreters that may run a worker of this kind, in order. */
    List<Path> candidates(ProviderKind kind) {
        if (named != null) {
            return installed();
        }
        return distinct(Stream.concat(Stream.of(managed(home, kind).toAbsolutePath()), installed().stream()));
    }

    /** Returns the interpreters outside the managed environments, in order. Environments can be created from them. */
    public List<Path> installed() {
        if (named != null) {
            return find(named).stream().toList();
        }
        return distinct(Stream.concat(
                in(folders.onPath(), PLAIN_NAMES, VERSIONED_NAMES),
                in(folders.elsewhere(), VERSIONED_NAMES, PLAIN_NAMES)));
    }

    /**
     * Returns the first of {@link #installed()} that can be run without opening Apple's dialog. The interpreter is not
     * run.
     *
     * @throws CancelledException if this thread is interrupted
     */
    public Optional<Path> first() {
        DeveloperTools tools = new DeveloperTools(folders);
        try {
            for (Path interpreter : installed()) {
                if (!tools.mustNotRun(interpreter)) {
                    return Optional.of(interpreter);
                }
            }
            return Optional.empty();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The search for a Python interpreter was interrupted.", "", interrupt);
        }
    }

    /** Returns the reason why there is no candidate. */
    Availability.Unavailable none(String kind) {
        if (named != null) {
            return new Availability.Unavailable(
                    Reason.PYTHON_NOT_FOUND,
                    "There is no Python interpreter at " + named + ", which " + setting + " names.",
                    "Correct " + setting + ", or unset it and run `mlx4j setup " + kind + "`.");
        }
        return new Availability.Unavailable(
                Reason.PYTHON_NOT_FOUND,
                "There is no Python interpreter: none under " + home.resolve("envs")
                        + ", on the PATH, or where Homebrew, uv, pyenv, conda and python.org install it.",
                "Install Python 3." + WorkerProbe.OLDEST_PYTHON_MINOR
                        + " or newer (macOS: `brew install python`, Debian: `apt install python3 python3-venv`) and run"
                        + " `mlx4j setup " + kind + "`, or name one in PYTHON_PATH.");
    }

    /**
     * Returns the part of a command that precedes the interpreter. Without it, an Intel JVM would run a universal
     * interpreter as x86_64.
     */
    public List<String> launcher(Platform platform) {
        Optional<Path> arch = platform.translated() ? folders.at("/usr/bin/arch") : Optional.empty();
        return arch.map(program -> List.of(program.toString(), "-arm64", "-x86_64")) // in order of preference
                .orElse(List.of());
    }

    private Optional<Path> find(String program) {
        return program.contains(File.separator)
                ? Optional.of(UserPath.of(program).toAbsolutePath()).filter(ProgramFolders::isProgram)
                : folders.find(program);
    }

    private static Stream<Path> in(List<Path> folders, List<String> first, List<String> then) {
        return Stream.concat(first.stream(), then.stream())
                .flatMap(name -> folders.stream().map(folder -> folder.resolve(name)));
    }

    /** Removes files that don't exist, and aliases of the same interpreter. */
    private static List<Path> distinct(Stream<Path> files) {
        Set<Path> seen = new HashSet<>();
        List<Path> distinct = new ArrayList<>();
        files.filter(ProgramFolders::isProgram).forEach(file -> {
            if (seen.add(identity(file))) {
                distinct.add(file);
            }
        });
        return distinct;
    }

    /**
     * Returns the path that identifies an interpreter. For a virtual environment this is its folder, because its
     * interpreter is only a link to another one.
     */
    private static Path identity(Path interpreter) {
        try {
            Path bin = interpreter.toAbsolutePath().resolveSibling("");
            return Files.exists(bin.resolveSibling("pyvenv.cfg")) ? bin.toRealPath() : interpreter.toRealPath();
        } catch (IOException unreadable) {
            return interpreter;
        }
    }
}
