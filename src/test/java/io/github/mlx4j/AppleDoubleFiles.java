package io.github.mlx4j;

import io.github.mlx4j.internal.files.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Creates the companion files that macOS writes on exFAT and SMB, on any system. */
public final class AppleDoubleFiles {

    private static final byte[] APPLE_DOUBLE = {0, 5, 22, 7, 0, 2, 0, 0, (byte) 0xB0};

    private AppleDoubleFiles() {}

    /** Puts a companion beside every file below a folder, and a {@code .DS_Store} into every folder. */
    public static void scatter(Path root) throws IOException {
        List<Path> all;
        try (Stream<Path> paths = Files.walk(root)) {
            all = paths.filter(path -> !FileTree.isCompanion(path)).toList();
        }
        for (Path path : all) {
            Path companion = Files.isDirectory(path)
                    ? path.resolve(".DS_Store")
                    : path.resolveSibling("._" + path.getFileName());
            Files.write(companion, APPLE_DOUBLE);
        }
    }
}
