package io.github.mlx4j.cli.output;

import io.github.mlx4j.conversion.ConversionListener;
import java.io.PrintWriter;

/** Progress of a conversion: a bar for each phase in a terminal, otherwise a line for each phase. */
public final class PhaseProgress implements ConversionListener {

    private final PrintWriter err;
    private final boolean terminal;
    private String phase = "";

    public PhaseProgress(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    @Override
    public synchronized void onProgress(String now, long done, long total, String unit) {
        boolean another = !now.equals(phase);
        if (terminal) {
            if (another) {
                end();
            }
            String amount = total == 0 ? Long.toString(done) : done + " of " + total;
            Terminal.bar(err, done, total, "%s, %s %s".formatted(now, amount, unit));
        } else if (another) {
            err.println(now + " …");
        }
        phase = now;
    }

    /** Ends this phase. */
    public synchronized void end() {
        if (terminal && !phase.isEmpty()) {
            err.println();
        }
        phase = "";
    }
}
