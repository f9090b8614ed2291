package io.github.mlx4j.cli.output;

import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import picocli.CommandLine;

/**
 * A writer that escapes control characters. The command line prints text from model folders, hubs, servers, logs and
 * models; an escape sequence in it could change the terminal's title, hide lines or simulate user input.
 */
public final class Terminal extends PrintWriter {

    private static final int BAR = 20;

    private final PrintWriter raw;

    private Terminal(PrintWriter raw) {
        super(new Shown(raw), true);
        this.raw = raw;
    }

    /** Returns a writer that escapes control characters and prints to this writer. */
    public static PrintWriter of(PrintWriter raw) {
        return new Terminal(raw);
    }

    /** Returns the underlying writer, for control sequences of mlx4j itself. */
    static PrintWriter raw(PrintWriter out) {
        return out instanceof Terminal terminal ? terminal.raw : out;
    }

    /** Redraws the current line. */
    static void redraw(PrintWriter out, String line) {
        raw(out).print("\r" + clean(line) + "\u001b[K");
        out.flush();
    }

    /** Redraws the current line as a progress bar followed by a text. */
    static void bar(PrintWriter out, long done, long total, String text) {
        int filled = total == 0 ? 0 : (int) (BAR * Math.min(done, total) / total); // done may exceed total
        redraw(out, "[" + "#".repeat(filled) + " ".repeat(BAR - filled) + "] " + text);
    }

    /** Escapes control characters except tabs and line ends as in JSON, such as {@code \u001b}. */
    static String clean(CharSequence text) {
        StringBuilder clean = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char one = text.charAt(i);
            boolean lineEnd = one == '\n' || (one == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n');
            if (Character.isISOControl(one) && one != '\t' && !lineEnd) {
                clean.append("\\u%04x".formatted((int) one));
            } else {
                clean.append(one);
            }
        }
        return clean.toString();
    }

    /** Prints a command's help with picocli's styles. */
    public static void usage(CommandLine command, PrintWriter to) {
        command.usage(raw(to));
        to.flush();
    }

    private static final class Shown extends FilterWriter {

        Shown(Writer out) {
            super(out);
        }

        @Override
        public void write(int one) throws IOException {
            out.write(clean(Character.toString((char) one)));
        }

        @Override
        public void write(char[] text, int offset, int length) throws IOException {
            out.write(clean(new String(text, offset, length)));
        }

        @Override
        public void write(String text, int offset, int length) throws IOException {
            out.write(clean(text.substring(offset, offset + length)));
        }
    }
}
