package io.github.mlx4j.cli.output;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.hub.ModelHub;
import java.io.PrintWriter;

/** Progress of a download: a bar in a terminal, otherwise a line for every 10%. */
public final class ByteProgress implements ModelHub.DownloadListener {

    private final PrintWriter err;
    private final boolean terminal;
    private final String what;
    private long tenth = -1;

    /** Creates the progress display; {@code what} is the name to show, such as a model id. */
    public ByteProgress(PrintWriter err, boolean terminal, String what) {
        this.err = err;
        this.terminal = terminal;
        this.what = what;
    }

    @Override
    public synchronized void progressed(long done, long total) {
        if (total == 0) {
            return;
        }
        String line = "%s of %s %s".formatted(ByteText.text(done), ByteText.text(total), what);
        if (terminal) {
            Terminal.bar(err, done, total, line);
        } else if (10 * done / total > tenth) {
            tenth = 10 * done / total;
            err.println(line);
        }
    }

    /** Ends the progress bar. */
    public synchronized void end() {
        if (terminal) {
            err.println();
        }
    }
}
