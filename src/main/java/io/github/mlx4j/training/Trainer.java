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
 * Does one {@link TrainingRun}: steps, validations, checkpoints, figures, a report and the result, all in its folder.
 *
 * <pre>{@code
 * TrainingConfig config = TrainingConfig.builder(TrainingMethod.LORA)
 *         .trainData(Path.of("train.jsonl")).validData(Path.of("valid.jsonl")).epochs(3).build();
 * TrainingRun run = TrainingRun.builder("/models/mine", config, Path.of("runs/first")).validateEvery(50).build();
 * TrainingReport report = new Trainer(ProviderConfig.fromEnv(), run).run();
 * }</pre>
 *
 * <p>A run that was cancelled, or whose worker or program ended, goes on with {@link #resume} from its newest whole
 * checkpoint, as if nothing had been (bit for bit on the CPU). Thread-safe; does its run once.
 */
public final class Trainer {

    private final ProviderConfig providers;
    private final TrainingRun run;
    private final boolean resume;
    private final TrainingListener listener;
    private final Object lock = new Object();
    private @Nullable CompletableFuture<TrainingReport> started;
    private @Nullable Thread thread; // of the run, while it waits for the worker
    private boolean cancelled;
    private volatile boolean ended; // the run, and its future with it

    /** For a new run. Nothing is started or written yet. */
    public Trainer(ProviderConfig providers, TrainingRun run) {
        this(providers, run, new TrainingListener() {});
    }

    /** For a new run that a listener hears of. */
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
     * For a run that its folder has already, such as {@link TrainingRun#in} reads it. It may be validated and saved
     * otherwise than before, and with a constant learning rate be longer; what would make it another training is
     * refused when it starts.
     */
    public static Trainer resume(ProviderConfig providers, TrainingRun run, TrainingListener listener) {
        return new Trainer(providers, run, true, listener);
    }

    /**
     * Does the run and waits for its end. An interrupt cancels it; the thread stays interrupted.
     *
     * @return what became of it: completed, stopped early, or cancelled
     * @throws ConfigurationException if the folder, or for a resume the run, can't be
     * @throws CancelledException if it was cancelled while its model was loaded
     * @throws WorkerDiedException if the worker ended; what the newest checkpoint has is not lost
     * @throws Mlx4jException if anything else went wrong
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
     * Starts the run on a thread of its own; the future ends with what {@link #run} returns or throws. If the future
     * ends in another way (cancel, timeout, completed by somebody else), the run is {@linkplain #cancel() cancelled}.
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
     * Ends the run soon: the step that is going on is given up, a checkpoint of those before it is written, and the
     * report says {@code CANCELLED}. Never waits. Idempotent.
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
     * A call of the worker that {@link #cancel} can end. Only then is the thread interrupted: an interrupt would close
     * the files that it writes.
     */
    <T> T cancellable(Supplier<T> call) {
        synchronized (lock) {
            if (cancelled) {
                throw new CancelledException("The training was cancelled.", "Resume it to continue.");
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

    /** Whether it was. */
    boolean isCancelled() {
        synchronized (lock) {
            return cancelled;
        }
    }

    private void work(CompletableFuture<TrainingReport> end) {
        try {
            TrainingReport report = train();
            ended = true; // after the folder is given back
            end.complete(report);
        } catch (IOException error) {
            ended = true;
            end.completeExceptionally(new ConfigurationException(
                    "The run's folder %s can't be used: %s: %s"
                            .formatted(run.folder(), error.getClass().getSimpleName(), error.getMessage()),
                    "Check its rights and the space on its disk; then resume the run.",
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

    /** Logs what a listener throws, so that it does not end the run. */
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
                log.error("A training listener threw; the run goes on", thrown);
            }
        }
    }
}
