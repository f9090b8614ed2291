package io.github.mlx4j.model;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/**
 * Looks at everything that lies in a folder: links may point within it, and from a snapshot of a hub cache into that
 * model's own blobs; what is neither a file nor a folder has no place there. The workers check the same.
 */
final class EntryChecks extends SimpleFileVisitor<Path> {

    private final Path folder;
    private final List<Path> allowed = new ArrayList<>();
    private final List<Problem> problems = new ArrayList<>();

    private EntryChecks(Path folder) throws IOException {
        this.folder = folder;
        Path real = folder.toRealPath();
        allowed.add(real);
        Path snapshots = real.getParent();
        Path repository = snapshots == null ? null : snapshots.getParent();
        if (repository != null
                && repository.getFileName() != null
                && snapshots.endsWith("snapshots")
                && repository.getFileName().toString().startsWith("models--")) {
            allowed.add(repository.resolve("blobs"));
        }
    }

    /** The first thing that is wrong, or none. */
    static List<Problem> of(Path folder) {
        try {
            EntryChecks checks = new EntryChecks(folder);
            Files.walkFileTree(folder.toRealPath(), checks);
            return checks.problems;
        } catch (IOException error) {
            return List.of(unreadable(folder, error));
        }
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
        Path name = allowed.get(0).relativize(file);
        if (attributes.isSymbolicLink()) {
            checkLink(file, name);
        } else if (attributes.isOther()) {
            problems.add(special(name));
        }
        return problems.isEmpty() ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException error) {
        problems.add(unreadable(file, error));
        return FileVisitResult.TERMINATE;
    }

    private void checkLink(Path link, Path name) {
        try {
            Path target = link.toRealPath();
            if (allowed.stream().noneMatch(target::startsWith)) {
                problems.add(outside(name));
            } else if (!Files.isRegularFile(target) && !Files.isDirectory(target)) {
                problems.add(special(name));
            }
        } catch (IOException error) { // no such file, or a loop
            problems.add(nowhere(name));
        }
    }

    private Problem special(Path name) {
        return Problem.unsafe(
                "%s in %s is neither a file nor a folder.".formatted(Shown.text(name.toString()), folder),
                "Remove it.");
    }

    private Problem outside(Path name) {
        return Problem.unsafe(
                "%s in %s is a link to a place outside the model folder."
                        .formatted(Shown.text(name.toString()), folder),
                "Replace the link by the file.");
    }

    private Problem nowhere(Path name) {
        return Problem.broken(
                "%s in %s is a link that leads nowhere.".formatted(Shown.text(name.toString()), folder),
                "Download or copy the model again.");
    }

    private static Problem unreadable(Path path, IOException error) {
        return Problem.broken(
                "%s can't be read: %s.".formatted(path, Shown.reason(error)), "Check the permissions of the folder.");
    }
}
