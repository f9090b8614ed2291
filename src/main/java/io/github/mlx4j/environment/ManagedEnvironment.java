package io.github.mlx4j.environment;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.PrivateFiles;
import io.github.mlx4j.provider.ProviderKind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * An environment created by {@code mlx4j setup}, with the checks that are made before anything in it runs. Other users
 * must not be able to write to it. The worker scripts, and the files that Python reads before their first line, must
 * match the list that setup wrote ({@code mlx4j_worker/installed.py}). This checks about three hundred files. The
 * workers themselves check the modules that they import. Thread-safe.
 *
 * @param kind the worker kind
 * @param folder the folder of the environment
 */
record ManagedEnvironment(ProviderKind kind, Path folder) {

    static final String FILE_LIST = "mlx4j-files.txt";

    /** Returns the environment for this worker kind within a home folder. */
    static ManagedEnvironment of(Path home, ProviderKind kind) {
        return new ManagedEnvironment(kind, Interpreters.environment(home, kind).toAbsolutePath());
    }

    /** Returns whether an interpreter belongs to this environment, regardless of who named it. */
    boolean has(Path interpreter) {
        return interpreter.toAbsolutePath().startsWith(folder);
    }

    /** Returns whether setup wrote a list of the files; older versions didn't. */
    boolean isListed() {
        return Files.exists(folder.resolve(FILE_LIST));
    }

    /**
     * Returns the reason if nothing in the environment may be run.
     *
     * @throws ConfigurationException if other users can write to it
     */
    Optional<Availability.Unavailable> whyNot() {
        checkModes();
        return difference()
                .map(what -> new Availability.Unavailable(
                        Reason.ENVIRONMENT_CHANGED,
                        "The environment at %s has changed since `mlx4j setup` created it: %s.".formatted(folder, what),
                        "Run `mlx4j setup %s --force`, which recreates it.".formatted(kind.id())));
    }

    private void checkModes() {
        List<Path> looked = new ArrayList<>(
                List.of(folder.getParent(), folder, folder.resolve("bin"), folder.resolve("bin/python")));
        Path lib = folder.resolve("lib");
        looked.add(lib);
        looked.add(folder.resolve(BundledScripts.COPY)); // not created by older versions
        if (Files.isDirectory(lib)) {
            try {
                for (Path version : FileTree.list(lib)) {
                    looked.add(version);
                    looked.add(version.resolve("site-packages"));
                }
            } catch (IOException unreadable) {
                looked.add(lib); // Python can't read it either
            }
        }
        for (Path path : looked) {
            PrivateFiles.othersCanWrite(path).ifPresent(mode -> {
                throw new ConfigurationException(
                        "Other users can write to %s (%s), which is part of the Python environment of %s."
                                .formatted(path, mode, kind.id()),
                        "Run `chmod -R go-w %s`, or `mlx4j setup %s --force` if somebody else may have used that."
                                .formatted(path, kind.id()));
            });
        }
    }

    /** Returns the first difference from the list; empty if there is none, or if an older version wrote no list. */
    private Optional<String> difference() {
        Set<Path> listed = new HashSet<>();
        Path site = null;
        try (BufferedReader lines = Files.newBufferedReader(folder.resolve(FILE_LIST))) {
            for (String line = lines.readLine(); line != null && !line.isEmpty(); line = lines.readLine()) {
                String[] parts = line.split("\t", 2); // path and stamp; the stamp of a folder is empty
                Path path = folder.resolve(parts[0]);
                listed.add(path);
                site = site == null ? path : site;
                if (parts.length != 2 || !parts[1].isEmpty() && !parts[1].equals(stamp(path))) {
                    return Optional.of(path + " was changed");
                }
            }
            return site == null
                    ? Optional.of(FILE_LIST + " is damaged")
                    : added(site, listed).or(() -> addedToScripts(listed));
        } catch (NoSuchFileException older) {
            return Optional.empty();
        } catch (IOException error) {
            return Optional.of("it can't be read (" + error + ")");
        }
    }

    private Optional<String> addedToScripts(Set<Path> listed) {
        Path scripts = folder.resolve(BundledScripts.COPY);
        if (!Files.isDirectory(scripts)) { // older versions didn't create it
            return Optional.empty();
        }
        try (var files = Files.walk(scripts)) {
            return files.filter(file -> !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)
                            && !listed.contains(file)
                            && !FileTree.isCompanion(file))
                    .findFirst()
                    .map(file -> file + " was added");
        } catch (IOException | UncheckedIOException error) {
            return Optional.of("it can't be read (" + error + ")");
        }
    }

    private static Optional<String> added(Path site, Set<Path> listed) throws IOException {
        try (var entries = Files.list(site)) {
            return entries.filter(entry -> !listed.contains(entry)
                            && !entry.endsWith("__pycache__")
                            && (!FileTree.isCompanion(entry) || entry.toString().endsWith(".pth")))
                    .findFirst()
                    .map(entry -> entry + " was added");
        } catch (UncheckedIOException error) {
            throw error.getCause();
        }
    }

    /**
     * Returns the size in bytes and the modification time in seconds, or the target of a link; empty if the file
     * doesn't exist.
     */
    private static String stamp(Path file) throws IOException {
        try {
            BasicFileAttributes found =
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return found.isSymbolicLink()
                    ? "-> " + Files.readSymbolicLink(file)
                    : found.size() + " " + found.lastModifiedTime().to(TimeUnit.SECONDS);
        } catch (NoSuchFileException gone) {
            return "";
        }
    }
}
