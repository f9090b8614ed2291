package io.github.mlx4j.cli.output;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/** Progress of a command: a bar in a terminal, otherwise a line for every 10%. */
public final class Progress {

    private final PrintWriter err;
    private final boolean terminal;
    private final String what;
    private final int total;
    private final int before;
    private final LongSupplier nanoTime;
    private final long begun;
    private int done;
    private String now = "";

    /**
     * Creates the progress display for {@code total} items, {@code before} of which are complete; {@code what} names
     * them.
     */
    public Progress(PrintWriter err, boolean terminal, String what, int before, int total, LongSupplier nanoTime) {
        this.err = err;
        this.terminal = terminal;
        this.what = what;
        this.total = total;
        this.before = before;
        this.done = before;
        this.nanoTime = nanoTime;
        this.begun = nanoTime.getAsLong();
        if (terminal) {
            show();
        }
    }

    /** Counts one more item and shows {@code what} with the bar. */
    public void step(String what) {
        now = ", " + what;
        step();
    }

    /** Prints a line above the bar. */
    public void line(String line) {
        if (terminal) {
            Terminal.redraw(err, "");
        }
        err.println(line);
        if (terminal) {
            show();
        }
    }

    /** Counts one more item. */
    public void step() {
        done++;
        if (terminal || done == total || done * 10L / total > (done - 1) * 10L / total) {
            show();
        }
    }

    /** Ends the progress bar. */
    public void end() {
        if (terminal) {
            err.println();
        }
    }

    private void show() {
        double seconds = (nanoTime.getAsLong() - begun) / 1e9;
        String rate =
                done == before || seconds <= 0 ? "" : String.format(Locale.ROOT, " %.1f/s", (done - before) / seconds);
        String line = "%d/%d %s%s%s".formatted(done, total, what, rate, now);
        if (!terminal) {
            err.println(line);
            return;
        }
        Terminal.bar(err, done, total, line);
    }
}
