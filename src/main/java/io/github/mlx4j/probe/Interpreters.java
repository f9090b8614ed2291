package io.github.mlx4j.probe;

import io.github.mlx4j.port.ProviderKind;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where a Python interpreter is looked for: the one that is named, else the managed environment, else {@code python3}
 * and {@code python} on the PATH.
 *
 * @param named an interpreter that the user named, or {@code null}
 * @param setting the setting that named it, for messages
 * @param home the folder of managed environments
 * @param path the value of the variable PATH
 */
public record Interpreters(@Nullable String named, String setting, Path home, String path) {

    /** The interpreter of the managed environment of a worker kind. */
    public static Path managed(Path home, ProviderKind kind) {
        return home.resolve("envs").resolve(kind.id()).resolve("bin").resolve("python");
    }

    /** The first that exists, or why there is none. */
    Found find(ProviderKind kind) {
        if (named != null) {
            Optional<Path> interpreter = named.contains(File.separator)
                    ? Optional.of(Path.of(named)).filter(Files::isExecutable)
                    : onPath(named);
            return interpreter
                    .map(found -> new Found(found.toAbsolutePath(), null))
                    .orElseGet(() -> new Found(
                            null,
                            new Availability.Unavailable(
                                    Reason.PYTHON_NOT_FOUND,
                                    "There is no Python interpreter at " + named + ", which " + setting + " names.",
                                    "Correct " + setting + ", or unset it and run `mlx4j setup " + kind.id() + "`.")));
        }
        Path managed = managed(home, kind);
        return Stream.of(Optional.of(managed).filter(Files::isExecutable), onPath("python3"), onPath("python"))
                .flatMap(Optional::stream)
                .findFirst()
                .map(found -> new Found(found.toAbsolutePath(), null))
                .orElseGet(() -> new Found(
                        null,
                        new Availability.Unavailable(
                                Reason.PYTHON_NOT_FOUND,
                                "There is no Python interpreter: none at " + managed
                                        + ", and neither python3 nor python is on the PATH.",
                                "Install Python 3.11 or newer and run `mlx4j setup " + kind.id()
                                        + "`, or name one in PYTHON_PATH.")));
    }

    private Optional<Path> onPath(String program) {
        return Arrays.stream(path.split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, program))
                .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                .findFirst();
    }

    /**
     * The outcome: one of the two is {@code null}.
     *
     * @param interpreter the interpreter
     * @param missing why there is none
     */
    record Found(@Nullable Path interpreter, Availability.@Nullable Unavailable missing) {}
}
