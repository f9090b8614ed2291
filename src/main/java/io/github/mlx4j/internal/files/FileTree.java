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
 * Reads, compares and deletes files and folders on any file system. On a file system without extended attributes
 * (exFAT, SMB), macOS stores the attributes of {@code NAME} in {@code ._NAME} beside it, and Finder creates a
 * {@code .DS_Store} in each folder that it displays. Such companion files can appear, or vanish with their file, at any
 * time.
 */
public final class FileTree {

    private static final int ATTEMPTS = 5;

    private FileTree() {}

    /** Returns whether this is the name of a file that macOS creates for itself. */
    public static boolean isCompanion(Path path) {
        Path name = path.getFileName();
        return name != null && (name.toString().startsWith("._") || name.endsWith(".DS_Store"));
    }

    /**
     * Returns the content of a folder, sorted, without companion files.
     *
     * @throws IOException if the folder can't be read
     */
    public static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> !isCompanion(entry)).sorted().toList();
        } catch (UncheckedIOException error) {
            throw error.getCause();
        }
    }

    /**
     * Reads a file that may come from an untrusted source.
     *
     * @throws IOException if the file can't be read or is larger than {@code most} bytes
     */
    public static byte[] read(Path file, int most) throws IOException {
        if (!Files.isRegularFile(file)) { // opening a pipe may block forever
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

    /** Deletes a file, or a folder with all its content, if it exists. Symbolic links are not followed. */
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
            } catch (DirectoryNotEmptyException appeared) { // a companion file, created after the folder was listed
                if (attempt == ATTEMPTS) {
                    throw appeared;
                }
            }
        }
    }

    /** Returns whether two paths denote the same file, regardless of symbolic links and the case of letters. */
    public static boolean isSame(Path one, Path other) {
        try {
            return Files.isSameFile(one, other);
        } catch (IOException absent) {
            return false;
        }
    }

    /** Returns whether a path, which need not exist yet, is a folder or inside it; folders are compared as files. */
    public static boolean isWithin(Path path, Path folder) {
        for (Path at = real(path); at != null; at = at.getParent()) {
            if (isSame(at, folder)) {
                return true;
            }
        }
        return false;
    }

    /** Returns the absolute path, with symbolic links resolved as far as the path exists. */
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
