package io.github.mlx4j.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Executes a training run in its folder, on one thread. */
final class RunLoop {

    private static final Logger log = LoggerFactory.getLogger(Trainer.class);

    private final Trainer trainer;
    private final ProviderConfig providers;
    private final TrainingRun run;
    private final RunFolder folder;
    private final TrainingListener listener;
    private final RunHistory history = new RunHistory();
    private final EarlyStopping stopping;
    private final List<String> warnings = new ArrayList<>();
    private int step;
    private int saved; // the step of the newest checkpoint; 0 if there is none
    private int before; // steps completed before this process started
    private int total;
    private double seconds; // total duration of this process's steps
    private long tokens; // tokens in this process's steps

    RunLoop(Trainer trainer, ProviderConfig providers, TrainingRun run, RunFolder folder, TrainingListener listener) {
        this.trainer = trainer;
        this.providers = providers;
        this.run = run;
        this.folder = folder;
        this.listener = listener;
        this.stopping = new EarlyStopping(run.patience(), run.minDelta());
    }

    TrainingReport run(boolean resume) throws IOException {
        Optional<RunSettings> begun = folder.settings();
        if (resume) {
            begun.orElseThrow().checkResume(run);
        }
        ProviderKind backend = begun.map(RunSettings::backend).orElse(run.backend());
        try (TrainingSession session = trainer.cancellable(() -> TrainingSession.open(
                providers,
                run.model(),
                run.training(),
                backend,
                List.of(run.folder()),
                told -> listener.onLoading(told.phase(), told.done(), told.total(), told.unit())))) {
            TrainingInfo info = session.info();
            total = total(info);
            warnings.addAll(info.warnings());
            step = goBack(session);
            if (step > total) {
                throw new ConfigurationException(
                        "The run in %s already has %d steps, so it can't have a total of %d."
                                .formatted(run.folder(), step, total),
                        "Set a larger number of steps.");
            }
            RunSettings.of(run, info.backend().provider())
                    .write(run.folder()); // a resumed run may be longer than before
            before = step;
            saved = step;
            try (MetricsLog metrics = MetricsLog.open(run.folder(), step, history)) {
                history.validations()
                        .forEach(done -> stopping.add(done.step(), done.result().loss()));
                listener.onStart(info, step, total);
                return train(session, metrics);
            }
        }
    }

    private TrainingReport train(TrainingSession session, MetricsLog metrics) throws IOException {
        try {
            steps(session, metrics);
            Path result = folder.result(run.training().method());
            int best = stopping.bestStep().orElse(step);
            best = Files.isDirectory(folder.checkpoint(best))
                    ? best
                    : step; // there is none if the best validation was made before patience was set
            save(session, best, result);
            return report(
                    session,
                    stopping.stopped() && step < total
                            ? TrainingReport.Outcome.STOPPED_EARLY
                            : TrainingReport.Outcome.COMPLETED,
                    null,
                    result,
                    best);
        } catch (CancelledException cancel) {
            if (!trainer.isCancelled()) {
                throw cancel;
            }
            if (step > saved) {
                saveCancelled(session);
            }
            return report(session, TrainingReport.Outcome.CANCELLED, null, null, null);
        } catch (Mlx4jException failure) {
            try {
                report(session, TrainingReport.Outcome.FAILED, failure.reason(), null, null);
            } catch (IOException unwritten) {
                failure.addSuppressed(unwritten);
            }
            throw failure;
        }
    }

    /**
     * Also performs the validation and checkpoint of the step at which the run was interrupted, if they are still due.
     */
    private void steps(TrainingSession session, MetricsLog metrics) throws IOException {
        while (true) {
            boolean better = false;
            if (isValidationDue()
                    && history.last().map(RunHistory.Validated::step).orElse(-1) != step) {
                better = validate(session, metrics);
            }
            boolean end = step >= total || stopping.stopped();
            boolean due = run.checkpointEvery() > 0 && step % run.checkpointEvery() == 0;
            boolean best = better && run.patience() > 0;
            if (step > saved && (end || due || best)) {
                checkpoint(session);
            }
            if (end) {
                return;
            }
            TrainingStep done = trainer.cancellable(session::trainStep);
            step = done.step();
            history.add(done);
            metrics.add(done);
            listener.onStep(progress(done));
        }
    }

    private boolean isValidationDue() {
        return run.training().validData() != null
                && (step == 0 || step == total || (run.validateEvery() > 0 && step % run.validateEvery() == 0));
    }

    private boolean validate(TrainingSession session, MetricsLog metrics) throws IOException {
        RunHistory.Validated done = new RunHistory.Validated(step, trainer.cancellable(session::validate));
        history.add(done);
        metrics.add(done);
        listener.onValidation(step, done.result());
        return stopping.add(step, done.result().loss());
    }

    private void checkpoint(TrainingSession session) throws IOException {
        Path to = folder.checkpoint(step);
        folder.delete(to); // an existing checkpoint of this step could not be loaded
        session.saveCheckpoint(to);
        saved = step;
        folder.prune(step, run.keepCheckpoints(), stopping.bestStep());
        listener.onCheckpoint(step, to);
    }

    /**
     * Tries to save a checkpoint. The run counts as cancelled even if that fails, for example because the worker had to
     * be killed.
     */
    private void saveCancelled(TrainingSession session) throws IOException {
        try {
            checkpoint(session);
        } catch (Mlx4jException failure) {
            log.warn("No checkpoint was saved for step {}: {}", step, failure.getMessage());
            warnings.add("Progress after step %d is lost: %s".formatted(saved, failure.getMessage()));
        }
    }

    /** Continues from the newest checkpoint that can be loaded and returns its step; 0 if there are no checkpoints. */
    private int goBack(TrainingSession session) throws IOException {
        Mlx4jException first = null;
        for (int there : folder.checkpoints()) {
            try {
                return session.loadCheckpoint(folder.checkpoint(there));
            } catch (InvalidRequestException | ModelLoadException | ModelNotFoundException damaged) {
                log.warn("The checkpoint of step {} can't be used: {}", there, damaged.getMessage());
                first = first == null ? damaged : first;
            }
        }
        if (first != null) {
            throw first;
        }
        return 0;
    }

    private void save(TrainingSession session, int best, Path result) throws IOException {
        if (best != step) {
            session.loadCheckpoint(folder.checkpoint(best));
        }
        folder.delete(result); // the result from before the run was resumed
        if (run.training().method() == TrainingMethod.FULL) {
            warnings.addAll(session.saveModel(result));
        } else {
            session.saveAdapter(result);
        }
    }

    private TrainingReport report(
            TrainingSession session,
            TrainingReport.Outcome outcome,
            @Nullable String error,
            @Nullable Path result,
            @Nullable Integer resultStep)
            throws IOException {
        TrainingReport report = TrainingReport.of(
                outcome,
                error,
                run,
                session.info(),
                warnings,
                history,
                step,
                total,
                saved == 0 ? null : folder.checkpoint(saved),
                result,
                resultStep);
        folder.write("loss.svg", TrainingPages.curve(history));
        folder.write("report.html", TrainingPages.html(report, history, run.training()));
        folder.write("report.json", report.toJson() + "\n");
        return report;
    }

    private TrainingProgress progress(TrainingStep done) {
        seconds += done.millis() / 1000;
        tokens += done.tokens();
        double each = seconds / (step - before);
        return new TrainingProgress(
                done,
                total,
                seconds > 0 ? tokens / seconds : 0,
                Duration.ofMillis(Math.round(1000 * each * (total - step))));
    }

    private int total(TrainingInfo info) {
        Integer given = run.training().totalSteps();
        return given != null
                ? given
                : info.totalSteps()
                        .orElseThrow(() -> new ProtocolException(
                                "The worker did not report how many steps the epochs have.",
                                "Use the worker that comes with this version of mlx4j."));
    }
}
