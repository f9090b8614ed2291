package io.github.mlx4j.internal.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Splits a stream into lines at LF, and at nothing else. Of a line that is longer than the limit, only the beginning is
 * kept, and passed to {@code onOverlong}; one without its LF at the end of the stream is dropped. For one thread.
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

    /** The next line without its LF, or {@code null} at the end of the stream. */
    public byte @Nullable [] next() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(256);
        byte[] head = null; // of a line that is too long
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
