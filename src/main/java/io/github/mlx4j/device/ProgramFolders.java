package io.github.mlx4j.device;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folders to search for programs: those of {@code PATH}, then the usual places of Homebrew, MacPorts, uv, pyenv,
 * conda and python.org. The second group matters for programs started from the Dock, from an IDE or by launchd: their
 * {@code PATH} is only {@code /usr/bin:/bin:/usr/sbin:/sbin}.
 *
 * @param environment {@code PATH}, {@code HOME} and the variables that relocate the folders of uv, pyenv and conda;
 *     others are dropped
 * @param root the root of the file system; tests use another folder
 * @param mac whether to search the folders that exist only on macOS
 */
public record ProgramFolders(Map<String, String> environment, Path root, boolean mac) {

    private static final Set<String> VARIABLES =
            Set.of("PATH", "HOME", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME", "PYENV_ROOT", "CONDA_PREFIX");

    /** Keeps only the relevant variables. */
    public ProgramFolders {
        environment = new HashMap<>(environment);
        environment.keySet().retainAll(VARIABLES);
        environment = Map.copyOf(environment);
    }

    /** Returns the folders of this machine. */
    public static ProgramFolders current() {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.putIfAbsent("HOME", System.getProperty("user.home"));
        boolean mac = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac");
        return new ProgramFolders(environment, Path.of("/"), mac);
    }

    /** Returns whether this is an executable regular file. */
    public static boolean isProgram(Path file) {
        return Files.isRegularFile(file) && Files.isExecutable(file);
    }

    /** Returns the first program with this name. */
    public Optional<Path> find(String program) {
        return Stream.concat(onPath().stream(), elsewhere().stream())
                .map(folder -> folder.resolve(program))
                .filter(ProgramFolders::isProgram)
                .findFirst();
    }

    /** Returns the folders on {@code PATH}. */
    public List<Path> onPath() {
        return Stream.of(environment.getOrDefault("PATH", "").split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .flatMap(folder -> at(folder).stream())
                .toList();
    }

    /** Returns the usual folders that exist, whether or not they are on {@code PATH}. */
    public List<Path> elsewhere() {
        List<Path> folders = new ArrayList<>();
        if (mac) {
            folders.addAll(all("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin"));
        }
        folders.addAll(inHome(".local/bin"));
        folders.addAll(binBelow(variable("UV_PYTHON_INSTALL_DIR")
                .or(() -> variable("XDG_DATA_HOME").map(data -> data.resolve("uv/python")))
                .or(() -> home().map(home -> home.resolve(".local/share/uv/python")))));
        folders.addAll(binBelow(variable("PYENV_ROOT")
                .or(() -> home().map(home -> home.resolve(".pyenv")))
                .map(pyenv -> pyenv.resolve("versions"))));
        variable("CONDA_PREFIX").ifPresent(conda -> folders.add(conda.resolve("bin")));
        folders.addAll(inHome("miniforge3/bin", "miniconda3/bin", "anaconda3/bin"));
        if (mac) {
            folders.addAll(all(
                    "/opt/homebrew/Caskroom/miniforge/base/bin",
                    "/opt/homebrew/Caskroom/miniconda/base/bin",
                    "/opt/miniconda3/bin",
                    "/opt/anaconda3/bin"));
            folders.addAll(binBelow(at("/Library/Frameworks/Python.framework/Versions")));
        }
        return folders.stream().filter(Files::isDirectory).distinct().toList();
    }

    /** Maps a path of the real file system to one under {@link #root()}; empty if the path is invalid. */
    public Optional<Path> at(String path) {
        try {
            Path plain = Path.of(path);
            return Optional.of(
                    plain.isAbsolute() ? root.resolve(Path.of("/").relativize(plain)) : plain.toAbsolutePath());
        } catch (InvalidPathException notInThisLocale) {
            return Optional.empty();
        }
    }

    private Optional<Path> variable(String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(value -> !value.isBlank())
                .flatMap(this::at);
    }

    private Optional<Path> home() {
        return variable("HOME");
    }

    private List<Path> all(String... paths) {
        return Stream.of(paths).flatMap(path -> at(path).stream()).toList();
    }

    private List<Path> inHome(String... paths) {
        return Stream.of(paths)
                .flatMap(path -> home().stream().map(home -> home.resolve(path)))
                .toList();
    }

    /** Returns the {@code bin} folder in each subfolder, such as one per installed version. */
    private static List<Path> binBelow(Optional<Path> versions) {
        if (versions.isEmpty() || !Files.isDirectory(versions.get())) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(versions.get())) {
            return all.sorted().map(version -> version.resolve("bin")).toList();
        } catch (IOException unreadable) {
            return List.of();
        }
    }
}
