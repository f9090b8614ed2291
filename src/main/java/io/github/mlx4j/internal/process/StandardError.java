package io.github.mlx4j.internal.process;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Drains a worker's standard error and keeps the end of it. Thread-safe. */
final class StandardError {

    private static final int KEPT_BYTES = 8 * 1024;

    private byte[] tail = new byte[0];

    /** Reads until the stream ends. */
    void drain(InputStream in) {
        byte[] buffer = new byte[4096];
        try (in) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                append(buffer, n);
            }
        } catch (IOException gone) {
            // the process has ended
        }
    }

    /** Returns the end of the output as text, in whole lines where possible. */
    synchronized String tail() {
        String text =
                new String(tail, StandardCharsets.UTF_8).replace('\r', '\n').strip();
        int firstLine = text.indexOf('\n');
        return tail.length == KEPT_BYTES && firstLine >= 0 ? text.substring(firstLine + 1) : text;
    }

    private synchronized void append(byte[] bytes, int length) {
        byte[] all = Arrays.copyOf(tail, tail.length + length);
        System.arraycopy(bytes, 0, all, tail.length, length);
        tail = all.length <= KEPT_BYTES ? all : Arrays.copyOfRange(all, all.length - KEPT_BYTES, all.length);
    }
}
