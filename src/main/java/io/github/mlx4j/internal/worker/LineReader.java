package io.github.mlx4j.internal.worker;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Splits a stream into lines at LF, and at nothing else. A line that is longer than the limit is skipped and counted;
 * one without its LF at the end of the stream is dropped. For one thread.
 */
final class LineReader {

    private final InputStream in;
    private final int limit;
    private final byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;
    private int overlong;

    LineReader(InputStream in, int limit) {
        this.in = in;
        this.limit = limit;
    }

    /** The next line without its LF, or {@code null} at the end of the stream. */
    byte @Nullable [] next() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(256);
        boolean tooLong = false;
        while (true) {
            int lf = start;
            while (lf < end && buffer[lf] != '\n') {
                lf++;
            }
            tooLong |= line.size() + (lf - start) > limit;
            if (!tooLong) {
                line.write(buffer, start, lf - start);
            }
            if (lf < end) {
                start = lf + 1;
                if (!tooLong) {
                    return line.toByteArray();
                }
                overlong++;
                line.reset();
                tooLong = false;
                continue;
            }
            start = 0;
            end = Math.max(0, in.read(buffer));
            if (end == 0) {
                return null;
            }
        }
    }

    /** How many lines were skipped. */
    int overlong() {
        return overlong;
    }
}
