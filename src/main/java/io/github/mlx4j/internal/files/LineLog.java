package io.github.mlx4j.internal.files;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Predicate;

/**
 * A UTF-8 file to which lines are appended. Each line is on disk before {@link #add} returns, even after an interrupt.
 */
public final class LineLog implements AutoCloseable {

    private final FileOutputStream file; // an interrupt would close a channel

    private LineLog(FileOutputStream file) {
        this.file = file;
    }

    /**
     * Opens or creates a file and passes each of its lines to {@code keep}. Everything after the last line to keep is
     * removed, such as an incomplete line of a program that ended in the middle of a write.
     */
    public static LineLog open(Path path, Predicate<String> keep) throws IOException {
        byte[] bytes = Files.exists(path) ? Files.readAllBytes(path) : new byte[0];
        int kept = 0;
        for (int begin = 0, end = 0; end < bytes.length; end++) {
            if (bytes[end] == '\n') {
                if (keep.test(new String(bytes, begin, end - begin, StandardCharsets.UTF_8))) {
                    kept = end + 1;
                }
                begin = end + 1;
            }
        }
        try (FileChannel cut = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            cut.truncate(kept);
        }
        return new LineLog(new FileOutputStream(path.toFile(), true));
    }

    /** Appends a line, which must not contain a line end. */
    public void add(String line) throws IOException {
        file.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        file.getFD().sync();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
