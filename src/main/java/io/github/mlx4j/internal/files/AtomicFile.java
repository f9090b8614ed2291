package io.github.mlx4j.internal.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Writes files atomically: even after a crash, a file is either complete or unchanged. */
public final class AtomicFile {

    private AtomicFile() {}

    /**
     * Writes or replaces a file after syncing the new content to disk.
     *
     * @throws IOException if the file can't be written or synced
     */
    public static void write(Path file, String content) throws IOException {
        Path half = file.resolveSibling(file.getFileName() + ".part");
        try (FileChannel channel = FileChannel.open(
                half, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true); // F_FULLFSYNC on macOS
        }
        Files.move(half, file, StandardCopyOption.ATOMIC_MOVE);
        syncFolder(file.toAbsolutePath().resolveSibling(""));
    }

    /** Syncs a folder if its file system supports that. SMB does not, and Java doesn't report which error occurred. */
    private static void syncFolder(Path folder) {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        } catch (IOException | UnsupportedOperationException unsupported) {
            return;
        }
    }
}
