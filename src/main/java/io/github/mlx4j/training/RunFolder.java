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

/** A run's folder, locked so that only one run uses it at a time. Not thread-safe. */
final class RunFolder implements AutoCloseable {

    private static final Pattern CHECKPOINT = Pattern.compile("step-(\\d{6,9})");

    private final Path folder;
    private final FolderLock lock;

    private RunFolder(Path folder, FolderLock lock) {
        this.folder = folder;
        this.lock = lock;
    }

    /**
     * Locks a folder, and creates it if necessary. Writes nothing into a folder that can't be used.
     *
     * @throws ConfigurationException if another run is using the folder, if a new run can't start in it, or if it has
     *     no run to resume
     */
    static RunFolder take(Path folder, boolean resume) throws IOException {
        if (!Files.exists(
                folder.resolve(FolderLock.FILE))) { // otherwise a run may be using it, so the lock comes first
            check(folder, resume);
        }
        Files.createDirectories(folder);
        RunFolder taken = new RunFolder(folder, FolderLock.take(folder));
        try {
            check(folder, resume); // it may have changed before it was locked
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
            throw new ConfigurationException("There is no run in " + folder + ".", "Start one there without --resume.");
        }
    }

    /** Returns the settings of the folder's run, if it has one. */
    Optional<RunSettings> settings() {
        return RunSettings.read(folder);
    }

    /** Checks that a folder contains neither a run nor any other files. */
    private static void checkNew(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        if (RunSettings.read(folder).isPresent()) {
            throw new ConfigurationException(
                    folder + " already contains a run.", "Resume it with --resume, or choose another folder.");
        }
        Optional<Path> other = FileTree.list(folder).stream()
                .filter(file -> !file.endsWith(FolderLock.FILE))
                .findFirst();
        if (other.isPresent()) {
            throw new ConfigurationException(
                    "The folder %s is not empty: it contains %s."
                            .formatted(folder, other.get().getFileName()),
                    "Choose a folder that is empty or does not exist yet.");
        }
    }

    /** Returns the folder for the checkpoint of a step. */
    Path checkpoint(int step) {
        return folder.resolve("checkpoints").resolve("step-%06d".formatted(step));
    }

    /** Returns the steps of all checkpoints, newest first. */
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
     * Removes all checkpoints except the newest {@code keep} and the best one. Checkpoints of steps after {@code now}
     * could not be loaded: they don't count, and they are overwritten when the run reaches their steps.
     */
    void prune(int now, int keep, OptionalInt best) throws IOException {
        for (int step :
                checkpoints().stream().filter(there -> there <= now).skip(keep).toList()) {
            if (best.isEmpty() || best.getAsInt() != step) {
                delete(checkpoint(step));
            }
        }
    }

    /** Deletes a file or folder that is about to be written again. */
    void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        Path doomed = path.resolveSibling(path.getFileName()
                + ".old"); // renamed first, so an interrupted deletion never leaves half of it under its name
        FileTree.delete(doomed);
        Files.move(path, doomed, StandardCopyOption.ATOMIC_MOVE);
        FileTree.delete(doomed);
    }

    /** Returns the folder for the trained adapter or model. */
    Path result(TrainingMethod method) {
        return folder.resolve(method == TrainingMethod.FULL ? "model" : "adapter");
    }

    /** Writes a file atomically. */
    void write(String name, String content) throws IOException {
        AtomicFile.write(folder.resolve(name), content);
    }

    @Override
    public void close() {
        lock.close();
    }
}
