package io.github.mlx4j.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.internal.threads.Daemons;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Executes one {@link TrainingRun}, including validations and checkpoints. Metrics, a report and the result are written
 * into the run's folder.
 *
 * <pre>{@code
 * TrainingConfig config = TrainingConfig.builder(TrainingMethod.LORA)
 *         .trainData(Path.of("train.jsonl")).validData(Path.of("valid.jsonl")).epochs(3).build();
 * TrainingRun run = TrainingRun.builder("/models/mine", config, Path.of("runs/first")).validateEvery(50).build();
 * TrainingReport report = new Trainer(ProviderConfig.fromEnv(), run).run();
 * }</pre>
 *
 * <p>If a run was cancelled, or its worker or program ended, {@link #resume} continues it from the newest complete
 * checkpoint. The result is the same as without the interruption (bit for bit on the CPU). Thread-safe. A trainer
 * executes its run only once.
 */
public final class Trainer {

    private final ProviderConfig providers;
    private final TrainingRun run;
    private final boolean resume;
    private final TrainingListener listener;
    private final Object lock = new Object();
    private @Nullable CompletableFuture<TrainingReport> started;
    private @Nullable Thread thread; // the run's thread while it waits for the worker
    private boolean cancelled;
    private volatile boolean ended; // whether the run, and with it its future, has ended

    /** Creates a trainer for a new run. Nothing is started or written yet. */
    public Trainer(ProviderConfig providers, TrainingRun run) {
        this(providers, run, new TrainingListener() {});
    }

    /** Creates a trainer for a new run that reports to a listener. Nothing is started or written yet. */
    public Trainer(ProviderConfig providers, TrainingRun run, TrainingListener listener) {
        this(providers, run, false, listener);
    }

    private Trainer(ProviderConfig providers, TrainingRun run, boolean resume, TrainingListener listener) {
        this.providers = providers;
        this.run = run;
        this.resume = resume;
        this.listener = listener;
    }

    /**
     * Creates a trainer that resumes the run in the run's folder; {@link TrainingRun#in} reads such a run. Validation
     * and checkpoint settings may differ from before, and with a constant learning rate the run may be longer. Changes
     * that would make it a different training are rejected when it starts.
     */
    public static Trainer resume(ProviderConfig providers, TrainingRun run, TrainingListener listener) {
        return new Trainer(providers, run, true, listener);
    }

    /**
     * Executes the run and waits for its end. An interrupt cancels the run, and the thread stays interrupted.
     *
     * @return the report of a run that was completed, stopped early, or cancelled
     * @throws ConfigurationException if the folder can't be used, or the run can't be resumed
     * @throws CancelledException if the run was cancelled while its model was loading
     * @throws WorkerDiedException if the worker died; everything up to the newest checkpoint is kept
     * @throws Mlx4jException if the run failed for any other reason
     */
    public TrainingReport run() {
        CompletableFuture<TrainingReport> end = start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return end.get();
                } catch (InterruptedException interrupt) {
                    interrupted = true;
                    cancel();
                } catch (ExecutionException failure) {
                    if (failure.getCause() instanceof Mlx4jException known) {
                        throw known;
                    }
                    throw new IllegalStateException(failure.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Starts the run on its own thread. The returned future completes with what {@link #run} returns or throws. If the
     * future ends in any other way (cancelled, timed out, or completed by other code), the run is {@linkplain #cancel()
     * cancelled}.
     */
    public CompletableFuture<TrainingReport> start() {
        synchronized (lock) {
            if (started == null) {
                CompletableFuture<TrainingReport> end = new CompletableFuture<>();
                started = end;
                end.whenComplete((report, error) -> {
                    if (!ended) {
                        Daemons.start("mlx4j-cancel", this::cancel);
                    }
                });
                Thread runner = new Thread(() -> work(end), "mlx4j-trainer");
                runner.setDaemon(true);
                runner.start();
            }
            return started;
        }
    }

    /**
     * Cancels the run: the current step is abandoned, a checkpoint of the completed steps is written, and the report's
     * outcome is {@code CANCELLED}. Returns immediately. Idempotent.
     */
    public void cancel() {
        synchronized (lock) {
            if (!cancelled) {
                cancelled = true;
                if (thread != null) {
                    thread.interrupt();
                }
            }
        }
    }

    /**
     * Runs a worker call that {@link #cancel} can interrupt. The thread is interrupted only during such calls, because
     * an interrupt would close the files that it is writing.
     */
    <T> T cancellable(Supplier<T> call) {
        synchronized (lock) {
            if (cancelled) {
                throw new CancelledException("The training was cancelled.", "Resume the run to continue.");
            }
            thread = Thread.currentThread();
        }
        try {
            return call.get();
        } finally {
            synchronized (lock) {
                thread = null;
                Thread.interrupted();
            }
        }
    }

    /** Returns whether the run was cancelled. */
    boolean isCancelled() {
        synchronized (lock) {
            return cancelled;
        }
    }

    private void work(CompletableFuture<TrainingReport> end) {
        try {
            TrainingReport report = train();
            ended = true; // only now, after the folder is unlocked
            end.complete(report);
        } catch (IOException error) {
            ended = true;
            end.completeExceptionally(new ConfigurationException(
                    "The run's folder %s can't be used: %s: %s"
                            .formatted(run.folder(), error.getClass().getSimpleName(), error.getMessage()),
                    "Check its permissions and the free disk space, then resume the run.",
                    error));
        } catch (Throwable error) {
            ended = true;
            end.completeExceptionally(error);
        }
    }

    private TrainingReport train() throws IOException {
        try (RunFolder folder = RunFolder.take(run.folder(), resume)) {
            return new RunLoop(this, providers, run, folder, new SafeListener(listener)).run(resume);
        }
    }

    /** Logs exceptions that a listener throws, so that they don't end the run. */
    private record SafeListener(TrainingListener listener) implements TrainingListener {

        private static final Logger log = LoggerFactory.getLogger(TrainingListener.class);

        @Override
        public void onLoading(String phase, long done, long total, String unit) {
            tell(() -> listener.onLoading(phase, done, total, unit));
        }

        @Override
        public void onStart(TrainingInfo info, int step, int totalSteps) {
            tell(() -> listener.onStart(info, step, totalSteps));
        }

        @Override
        public void onStep(TrainingProgress progress) {
            tell(() -> listener.onStep(progress));
        }

        @Override
        public void onValidation(int step, Validation validation) {
            tell(() -> listener.onValidation(step, validation));
        }

        @Override
        public void onCheckpoint(int step, Path folder) {
            tell(() -> listener.onCheckpoint(step, folder));
        }

        private static void tell(Runnable news) {
            try {
                news.run();
            } catch (Throwable thrown) { // no reason to end a run of hours
                log.error("A training listener threw an exception; the run continues", thrown);
            }
        }
    }
}
