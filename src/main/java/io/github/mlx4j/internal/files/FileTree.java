package io.github.mlx4j.internal.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Folders and what is in them, on any file system. Where one has no extended attributes (exFAT, SMB), macOS keeps those
 * of {@code NAME} in {@code ._NAME} beside it, and Finder leaves a {@code .DS_Store} in each folder that it shows. Such
 * a companion can appear, or vanish with its file, at any time.
 */
public final class FileTree {

    private static final int ATTEMPTS = 5;

    private FileTree() {}

    /** Whether macOS keeps a file of this name for itself. */
    public static boolean isCompanion(Path path) {
        Path name = path.getFileName();
        return name != null && (name.toString().startsWith("._") || name.endsWith(".DS_Store"));
    }

    /**
     * What is in a folder, sorted, without companions.
     *
     * @throws IOException if it can't be read
     */
    public static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> !isCompanion(entry)).sorted().toList();
        } catch (UncheckedIOException error) {
            throw error.getCause();
        }
    }

    /**
     * Reads a file that may come from anywhere.
     *
     * @throws IOException if it can't be read or has more than {@code most} bytes
     */
    public static byte[] read(Path file, int most) throws IOException {
        if (!Files.isRegularFile(file)) { // to open a pipe may take for ever
            throw new NoSuchFileException(file.toString(), null, "it is not a file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(most);
            if (in.read() >= 0) {
                throw new FileSystemException(
                        file.toString(), null, "it is too long: the limit is %,d bytes".formatted(most));
            }
            return content;
        }
    }

    /** Deletes a folder with all that is in it, or a file, if it is there. Links are not followed. */
    public static void delete(Path root) throws IOException {
        delete(root, Files::deleteIfExists);
    }

    interface Deletion {
        void of(Path path) throws IOException;
    }

    static void delete(Path root, Deletion deletion) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                Files.walkFileTree(root, new Deleting(deletion));
                return;
            } catch (DirectoryNotEmptyException appeared) { // a companion, since the folder was listed
                if (attempt == ATTEMPTS) {
                    throw appeared;
                }
            }
        }
    }

    /** Whether two paths lead to the same file, whatever the case of letters and the links in them. */
    public static boolean isSame(Path one, Path other) {
        try {
            return Files.isSameFile(one, other);
        } catch (IOException absent) {
            return false;
        }
    }

    /** Whether a path, which need not exist yet, is a folder or in it; compared as files. */
    public static boolean isWithin(Path path, Path folder) {
        for (Path at = real(path); at != null; at = at.getParent()) {
            if (isSame(at, folder)) {
                return true;
            }
        }
        return false;
    }

    /** The absolute path without links, as far as it exists. */
    public static Path real(Path path) {
        Path absolute = path.toAbsolutePath();
        try {
            return absolute.toRealPath();
        } catch (IOException absent) {
            Path parent = absolute.getParent();
            Path name = absolute.getFileName();
            return parent == null || name == null
                    ? absolute
                    : real(parent).resolve(name).normalize();
        }
    }

    private static final class Deleting extends SimpleFileVisitor<Path> {

        private final Deletion deletion;

        private Deleting(Deletion deletion) {
            this.deletion = deletion;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            deletion.of(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException error) throws IOException {
            if (error instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw error;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException error) throws IOException {
            if (error != null) {
                throw error;
            }
            deletion.of(folder);
            return FileVisitResult.CONTINUE;
        }
    }
}
