package io.github.mlx4j.internal.process;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Passes the lines of a program's UTF-8 output to a consumer, each truncated to {@value #MAX_BYTES} bytes. Not
 * thread-safe.
 */
final class BoundedLines extends OutputStream {

    static final int MAX_BYTES = 1 << 20;

    private final Consumer<String> onLine;
    private ByteArrayOutputStream line = new ByteArrayOutputStream();

    BoundedLines(Consumer<String> onLine) {
        this.onLine = onLine;
    }

    @Override
    public void write(int b) {
        if (b == '\n') {
            end();
        } else if (line.size() < MAX_BYTES) {
            line.write(b);
        }
    }

    @Override
    public void close() {
        if (line.size() > 0) {
            end();
        }
    }

    private void end() {
        String text = line.toString(StandardCharsets.UTF_8);
        line = new ByteArrayOutputStream();
        onLine.accept(text.endsWith("\r") ? text.substring(0, text.length() - 1) : text);
    }
}
