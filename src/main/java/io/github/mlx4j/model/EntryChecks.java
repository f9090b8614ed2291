package io.github.mlx4j.model;

import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.model.DisplayText;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks all entries of a folder. Links may point to entries within the folder and, from a snapshot in a hub cache, to
 * the blobs of the same model. Anything that is neither a file nor a folder is a problem. The workers make the same
 * checks.
 */
final class EntryChecks extends SimpleFileVisitor<Path> {

    private static final int MAX_LINKS = 40;

    private final Path folder;
    private final List<Path> allowed = new ArrayList<>();
    private final List<Problem> problems = new ArrayList<>();
    private int links; // followed so far for the current entry

    private EntryChecks(Path folder) throws IOException {
        this.folder = folder;
        Path real = folder.toRealPath();
        allowed.add(real);
        Path snapshots = real.getParent();
        Path repository = snapshots == null ? null : snapshots.getParent();
        if (snapshots != null
                && repository != null
                && repository.getFileName() != null
                && snapshots.endsWith("snapshots")
                && repository.getFileName().toString().startsWith("models--")) {
            allowed.add(repository.resolve("blobs"));
        }
    }

    /** Returns the first problem, or an empty list. */
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
        if (error instanceof NoSuchFileException && FileTree.isCompanion(file)) {
            return FileVisitResult.CONTINUE; // deleted since the folder was listed
        }
        problems.add(unreadable(file, error));
        return FileVisitResult.TERMINATE;
    }

    private void checkLink(Path link, Path name) {
        Path target = target(link);
        if (target == null) {
            problems.add(nowhere(name));
        } else if (allowed.stream().noneMatch(target::startsWith)) {
            problems.add(outside(name));
        } else if (Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
            problems.add(special(name));
        }
    }

    /**
     * Returns the target of a link, even if nothing exists there; that error is reported when the target is read.
     * Returns {@code null} for a loop or too many links.
     */
    private @Nullable Path target(Path link) {
        try {
            return link.toRealPath();
        } catch (IOException gone) {
            links = 0;
            return follow(link);
        }
    }

    private @Nullable Path follow(Path path) {
        Path at = path.getRoot();
        for (Path part : path) {
            if (part.toString().equals("..")) {
                at = at.getParent() == null ? at : at.getParent();
                continue;
            }
            at = at.resolve(part);
            try {
                if (Files.isSymbolicLink(at)) {
                    at = ++links > MAX_LINKS ? null : follow(at.resolveSibling(Files.readSymbolicLink(at)));
                }
            } catch (IOException unreadable) {
                return null;
            }
            if (at == null) {
                return null;
            }
        }
        return at;
    }

    private Problem special(Path name) {
        return Problem.unsafe(
                "%s in %s is neither a file nor a folder.".formatted(DisplayText.text(name.toString()), folder),
                "Remove it.");
    }

    private Problem outside(Path name) {
        return Problem.unsafe(
                "%s in %s is a link to a location outside the model folder."
                        .formatted(DisplayText.text(name.toString()), folder),
                "Replace the link with the file.");
    }

    private Problem nowhere(Path name) {
        return Problem.broken(
                "%s in %s is a link that leads back to itself, or through too many others."
                        .formatted(DisplayText.text(name.toString()), folder),
                "Download or copy the model again.");
    }

    private static Problem unreadable(Path path, IOException error) {
        return Problem.broken(
                "%s can't be read: %s.".formatted(path, DisplayText.reason(error)),
                "Check the permissions of the folder.");
    }
}
