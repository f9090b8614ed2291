package io.github.mlx4j.training;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.AtomicFile;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.FolderLock;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A run's folder, which one run at a time has. Not thread-safe. */
final class RunFolder implements AutoCloseable {

    private static final Pattern CHECKPOINT = Pattern.compile("step-(\\d{6,9})");

    private final Path folder;
    private final FolderLock lock;

    private RunFolder(Path folder, FolderLock lock) {
        this.folder = folder;
        this.lock = lock;
    }

    /**
     * Takes a folder, which is made if need be. Nothing is written into one that can't be used.
     *
     * @throws ConfigurationException if another run has it, if a new run can't begin there, or if there is none to
     *     resume
     */
    static RunFolder take(Path folder, boolean resume) throws IOException {
        if (!Files.exists(folder.resolve(FolderLock.FILE))) { // else a run may be using it
            check(folder, resume);
        }
        Files.createDirectories(folder);
        RunFolder taken = new RunFolder(folder, FolderLock.take(folder));
        try {
            check(folder, resume); // it may have changed meanwhile
            return taken;
        } catch (IOException | RuntimeException failure) {
            taken.close();
            throw failure;
        }
    }

    private static void check(Path folder, boolean resume) throws IOException {
        if (!resume) {
            checkNew(folder);
        } else if (RunSettings.read(folder).isEmpty()) {
            throw new ConfigurationException(
                    "There is no run in " + folder + ".", "Begin one there, without --resume.");
        }
    }

    /** Its run, if it has one. */
    Optional<RunSettings> settings() {
        return RunSettings.read(folder);
    }

    /** Checks that a folder has no run and no other files. */
    private static void checkNew(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        if (RunSettings.read(folder).isPresent()) {
            throw new ConfigurationException(
                    folder + " already has a run.", "Resume it, with --resume, or name another folder.");
        }
        Optional<Path> other = FileTree.list(folder).stream()
                .filter(file -> !file.endsWith(FolderLock.FILE))
                .findFirst();
        if (other.isPresent()) {
            throw new ConfigurationException(
                    "The folder %s is not empty: it has %s."
                            .formatted(folder, other.get().getFileName()),
                    "Name a folder that is empty, or not there yet.");
        }
    }

    /** Where the checkpoint of a step is. */
    Path checkpoint(int step) {
        return folder.resolve("checkpoints").resolve("step-%06d".formatted(step));
    }

    /** The steps of all checkpoints, newest first. */
    List<Integer> checkpoints() throws IOException {
        try {
            return FileTree.list(folder.resolve("checkpoints")).stream()
                    .map(file -> CHECKPOINT.matcher(file.getFileName().toString()))
                    .filter(Matcher::matches)
                    .map(name -> Integer.valueOf(name.group(1)))
                    .sorted(Comparator.reverseOrder())
                    .toList();
        } catch (NoSuchFileException none) {
            return List.of();
        }
    }

    /**
     * Removes all checkpoints but so many of the newest, and the best one. Those of later steps than this one could not
     * be loaded: they don't count, and are written anew when the run comes to them.
     */
    void prune(int now, int keep, OptionalInt best) throws IOException {
        for (int step :
                checkpoints().stream().filter(there -> there <= now).skip(keep).toList()) {
            if (best.isEmpty() || best.getAsInt() != step) {
                delete(checkpoint(step));
            }
        }
    }

    /** Makes room for something that is written anew. */
    void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        Path doomed = path.resolveSibling(path.getFileName() + ".old"); // never half of what it was, by its name
        FileTree.delete(doomed);
        Files.move(path, doomed, StandardCopyOption.ATOMIC_MOVE);
        FileTree.delete(doomed);
    }

    /** Where the result goes. */
    Path result(TrainingMethod method) {
        return folder.resolve(method == TrainingMethod.FULL ? "model" : "adapter");
    }

    /** Writes a file, whole or not at all. */
    void write(String name, String content) throws IOException {
        AtomicFile.write(folder.resolve(name), content);
    }

    @Override
    public void close() {
        lock.close();
    }
}
