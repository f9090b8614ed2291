package io.github.mlx4j.cli.training;

import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.cli.output.PhaseProgress;
import io.github.mlx4j.cli.output.Progress;
import io.github.mlx4j.training.TrainingInfo;
import io.github.mlx4j.training.TrainingListener;
import io.github.mlx4j.training.TrainingMemory;
import io.github.mlx4j.training.TrainingProgress;
import io.github.mlx4j.training.Validation;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Shows the progress of a run on standard error: a bar for the steps, and lines for everything else. */
final class TrainingOutput implements TrainingListener {

    private final PrintWriter err;
    private final OptionNames names;
    private final boolean terminal;
    private final PhaseProgress loading;
    private @Nullable Progress progress;

    TrainingOutput(PrintWriter err, OptionNames names, boolean terminal) {
        this.err = err;
        this.names = names;
        this.terminal = terminal;
        this.loading = new PhaseProgress(err, terminal);
    }

    @Override
    public void onLoading(String phase, long done, long total, String unit) {
        loading.onProgress(phase, done, total, unit);
    }

    @Override
    public void onStart(TrainingInfo info, int step, int totalSteps) {
        loading.end();
        err.println(String.format(
                Locale.ROOT,
                "%s on %s, %s: %,d of %,d parameters are trained, on %,d sequences (%,d truncated, %,d left out)",
                info.backend().provider().id(),
                info.backend().device(),
                info.dtype(),
                info.trainableParameters(),
                info.parameters(),
                info.train().map(data -> data.sequences()).orElse(0L),
                info.train().map(data -> data.cut()).orElse(0L),
                info.train().map(data -> data.dropped()).orElse(0L)));
        tellOpening(info, err, names);
        if (step > 0) {
            err.println("resuming after step " + step);
        }
        progress = new Progress(err, terminal, "steps", step, totalSteps, System::nanoTime);
    }

    @Override
    public void onStep(TrainingProgress now) {
        if (progress != null) {
            TrainingMemory memory = now.step().memory();
            Long bytes = memory == null ? null : memory.activeBytes();
            progress.step(String.format(
                    Locale.ROOT,
                    "loss %.4f, rate %.2e, %.0f tokens/s%s, %s left",
                    now.step().loss(),
                    now.step().learningRate(),
                    now.tokensPerSecond(),
                    bytes == null ? "" : String.format(Locale.ROOT, ", %,d MB", bytes / 1_000_000),
                    clock(now.remaining())));
        }
    }

    @Override
    public void onValidation(int step, Validation validation) {
        if (progress != null) {
            progress.line(String.format(
                    Locale.ROOT,
                    "step %d: validation loss %.4f, perplexity %.3f",
                    step,
                    validation.loss(),
                    validation.perplexity()));
        }
    }

    @Override
    public void onCheckpoint(int step, Path folder) {
        if (progress != null) {
            progress.line("step %d: checkpoint %s".formatted(step, folder));
        }
    }

    /** Ends the progress bar. */
    void end() {
        loading.end();
        if (progress != null) {
            progress.end();
        }
    }

    /** Prints why earlier backends failed to open a session, and the warnings of the backend in use. */
    static void tellOpening(TrainingInfo info, PrintWriter err, OptionNames names) {
        info.attempts().stream().limit(info.attempts().size() - 1L).forEach(attempt -> err.println(attempt));
        info.warnings().forEach(warning -> err.println("warning: " + names.in(warning)));
    }

    private static String clock(Duration left) {
        return "%d:%02d:%02d".formatted(left.toHours(), left.toMinutesPart(), left.toSecondsPart());
    }
}
