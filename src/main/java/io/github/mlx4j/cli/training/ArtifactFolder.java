package io.github.mlx4j.cli.training;

import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.model.ModelFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Finds the model in a downloaded artifact: the folder {@value #BEST} if it exists, otherwise the only folder that
 * contains a model or an adapter. It searches {@value #MAX_DEPTH} levels deep, and neither in the subfolders of a
 * model, such as its checkpoints, nor behind symbolic links.
 */
final class ArtifactFolder {

    static final String BEST = "best_model";

    private static final String STATE = "dylo_moe_state"; // the router, whose files look like weights
    private static final int MAX_DEPTH = 3;
    private static final int MAX_LISTED = 20;

    private ArtifactFolder() {}

    /**
     * Returns the model's folder.
     *
     * @param artifact the downloaded folder
     * @param name the artifact's name, for messages
     * @throws ModelNotFoundException if there is no such folder or more than one; the message lists them
     */
    static Path model(Path artifact, String name) {
        List<Path> folders = folders(artifact, MAX_DEPTH, folder -> false);
        List<Path> named =
                folders.stream().filter(folder -> folder.endsWith(BEST)).toList();
        List<Path> best = named.stream().filter(ArtifactFolder::isModel).toList();
        if (best.isEmpty() && !named.isEmpty()) {
            Path folder = named.get(0);
            throw new ModelNotFoundException(
                    "%s in the artifact %s, in %s, is not a model folder. It contains: %s."
                            .formatted(artifact.relativize(folder), name, artifact, listed(folder, entries(folder))),
                    "Check the artifact, or specify a model folder with --trained-model.");
        }
        List<Path> found = best.isEmpty()
                ? folders(artifact, MAX_DEPTH, ArtifactFolder::isModel).stream()
                        .filter(ArtifactFolder::isModel)
                        .toList()
                : best;
        if (found.size() == 1) {
            return found.get(0);
        }
        throw found.isEmpty()
                ? new ModelNotFoundException(
                        "The artifact %s, in %s, contains no model folder. It contains: %s."
                                .formatted(name, artifact, listed(artifact, entries(artifact))),
                        "Check the artifact, or specify a model folder with --trained-model.")
                : new ModelNotFoundException(
                        "The artifact %s, in %s, contains several model folders: %s."
                                .formatted(name, artifact, listed(artifact, found)),
                        "Specify one of them with --trained-model.");
    }

    private static boolean isModel(Path folder) {
        return ModelFormat.detect(folder) != ModelFormat.UNKNOWN;
    }

    /** Returns the folder and its subfolders, except those below a folder that {@code last} accepts. */
    private static List<Path> folders(Path folder, int depth, Predicate<Path> last) {
        List<Path> found = new ArrayList<>(List.of(folder));
        if (depth > 0 && !last.test(folder)) {
            for (Path entry : entries(folder)) {
                if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS) && !entry.endsWith(STATE)) {
                    found.addAll(folders(entry, depth - 1, last));
                }
            }
        }
        return found;
    }

    private static List<Path> entries(Path folder) {
        try {
            return FileTree.list(folder).stream().sorted().toList();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static String listed(Path artifact, List<Path> paths) {
        String names = paths.stream()
                .limit(MAX_LISTED)
                .map(path ->
                        (path.equals(artifact) ? "." : artifact.relativize(path).toString())
                                + (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS) ? "/" : ""))
                .collect(Collectors.joining(", "));
        int more = paths.size() - MAX_LISTED;
        return paths.isEmpty() ? "nothing" : names + (more > 0 ? " and %d more".formatted(more) : "");
    }
}
