package io.github.mlx4j.internal.process;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.FileFault;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** Creates files and folders in {@code MLX4J_HOME} that only their owner can read and write, whatever the umask. */
public final class PrivateFiles {

    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwx------");

    private PrivateFiles() {}

    /**
     * Creates the folder of the environments and the home folder, if they are missing.
     *
     * @throws ConfigurationException if they can't be created or written to
     */
    public static Path createEnvironments(Path home) {
        Path environments = home.resolve("envs");
        try {
            createFolders(environments);
            if (Files.isWritable(environments)) {
                return environments;
            }
            throw new AccessDeniedException(environments.toString());
        } catch (IOException error) {
            throw new ConfigurationException(
                    "mlx4j can't write to MLX4J_HOME, %s (%s).".formatted(home, FileFault.of(error)),
                    "Set MLX4J_HOME to a folder that you can write to.",
                    error);
        }
    }

    /** Creates a folder and its missing parents with mode 0700. */
    public static Path createFolders(Path folder) throws IOException {
        return Files.createDirectories(folder, attributes(folder, FOLDER));
    }

    /** Appends to a file, which is created with mode 0600 if it is missing. */
    public static void append(Path file, byte[] bytes) throws IOException {
        if (Files.exists(file) && isPosix(file)) {
            Files.setPosixFilePermissions(file, FILE); // an earlier version used the umask
        }
        Set<StandardOpenOption> options = EnumSet.of(StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        try (SeekableByteChannel channel = Files.newByteChannel(file, options, attributes(file, FILE))) {
            channel.write(ByteBuffer.wrap(bytes));
        }
    }

    /**
     * Checks that the home folder is usable, and that no other user can change its content, because programs in it are
     * executed. It need not exist yet.
     *
     * @throws ConfigurationException if it is a file or inside a file, or if the group or all users can write to it
     */
    public static void check(Path home) {
        for (Path at = home.toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.exists(at)) {
                if (!Files.isDirectory(at)) {
                    throw new ConfigurationException(
                            "MLX4J_HOME is %s, but %s is not a folder.".formatted(home, at),
                            "Set MLX4J_HOME to a folder that you own, or remove that file.");
                }
                break;
            }
        }
        othersCanWrite(home).ifPresent(mode -> {
            throw new ConfigurationException(
                    "Other users can write to MLX4J_HOME, %s (%s), but mlx4j runs programs from it."
                            .formatted(home, mode),
                    "Run `chmod 700 " + home + "`.");
        });
    }

    /**
     * Returns the mode of a file or folder that the group or all users can write to. Empty if they can't, for a
     * symbolic link, and if it does not exist.
     */
    public static Optional<String> othersCanWrite(Path path) {
        if (!isPosix(path) || !Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        try {
            PosixFileAttributes found =
                    Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            Set<PosixFilePermission> mode = found.permissions();
            boolean others =
                    mode.contains(PosixFilePermission.GROUP_WRITE) || mode.contains(PosixFilePermission.OTHERS_WRITE);
            return others && !found.isSymbolicLink()
                    ? Optional.of(PosixFilePermissions.toString(mode))
                    : Optional.empty();
        } catch (IOException error) {
            throw new ConfigurationException(
                    "The permissions of %s can't be read (%s).".formatted(path, error), "Check who owns it.", error);
        }
    }

    private static FileAttribute<?>[] attributes(Path path, Set<PosixFilePermission> mode) {
        return isPosix(path)
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(mode)}
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }
}
