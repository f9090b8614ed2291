package io.github.mlx4j.internal.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Splits a stream into lines at LF only. If a line exceeds the limit, its beginning is passed to {@code onOverlong} and
 * the rest is dropped. A last line without LF is dropped. Not thread-safe.
 */
public final class LineReader {

    private static final int HEAD_BYTES = 256;

    private final InputStream in;
    private final int limit;
    private final Consumer<byte[]> onOverlong;
    private final byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;

    public LineReader(InputStream in, int limit, Consumer<byte[]> onOverlong) {
        this.in = in;
        this.limit = limit;
        this.onOverlong = onOverlong;
    }

    /** Returns the next line without its LF, or {@code null} at the end of the stream. */
    public byte @Nullable [] next() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(256);
        byte[] head = null; // the beginning of an overlong line
        while (true) {
            int lf = start;
            while (lf < end && buffer[lf] != '\n') {
                lf++;
            }
            if (head == null) {
                line.write(buffer, start, lf - start);
                if (line.size() > limit) {
                    head = Arrays.copyOf(line.toByteArray(), Math.min(HEAD_BYTES, line.size()));
                    line = new ByteArrayOutputStream(256);
                }
            }
            if (lf < end) {
                start = lf + 1;
                if (head == null) {
                    return line.toByteArray();
                }
                onOverlong.accept(head);
                head = null;
                continue;
            }
            start = 0;
            end = Math.max(0, in.read(buffer));
            if (end == 0) {
                return null;
            }
        }
    }
}
