package io.github.mlx4j.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.Training;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.LoadLoop;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.AdapterFormat;
import io.github.mlx4j.training.config.TrainingConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Trains a model step by step, in its own worker. For complete runs, use {@link Trainer}.
 *
 * <pre>{@code
 * TrainingConfig config = TrainingConfig.builder(TrainingMethod.LORA).trainData(Path.of("train.jsonl")).build();
 * try (TrainingSession session = TrainingSession.open(ProviderConfig.fromEnv(), "/models/mine", config)) {
 *     for (int i = 0; i < 100; i++) {
 *         System.out.println(session.trainStep().loss());
 *     }
 *     session.saveAdapter(Path.of("adapter"));
 * }
 * }</pre>
 *
 * <p>Not thread-safe, except that {@link #cancel} and {@link #close} may be called from any thread. If a call is
 * cancelled or its thread is interrupted, it fails with {@link CancelledException} and leaves the training unchanged;
 * if the worker has already finished the call, its answer is returned instead.
 *
 * <p>If the worker dies, every call fails with {@link WorkerDiedException}, which includes its exit code and last
 * output. The worker is not restarted and no call is resent, since everything after the last checkpoint is lost. Output
 * folders must be empty or not exist yet; they are written completely or not at all.
 */
public final class TrainingSession implements AutoCloseable {

    /** Stands for the next batch of the data. */
    private static final Training.Batches<Batch> NO_BATCH = new Training.Batches<>(null, null, null);

    private final SerialWorker worker;
    private final TrainingInfo info;

    private TrainingSession(SerialWorker worker, TrainingInfo info) {
        this.worker = worker;
        this.info = info;
    }

    /**
     * Opens a session on the first backend that can run it: mlx, then transformers.
     *
     * @param providers the interpreters, whether models may be downloaded, and the workers' limits
     * @param model a folder, or a hub id {@code org/name}; nothing is written into the folder
     * @param config what is trained and how
     * @throws NoBackendLoadedException if no backend can run it, with all attempts
     * @throws InvalidRequestException if the data or a value is invalid
     * @throws CancelledException if the thread is interrupted while the session is opened
     */
    public static TrainingSession open(ProviderConfig providers, String model, TrainingConfig config) {
        return open(providers, model, config, null);
    }

    /**
     * Opens a session on one backend.
     *
     * @param backend {@code MLX}, {@code HF}, or {@code null} for the first one that can run it
     */
    public static TrainingSession open(
            ProviderConfig providers, String model, TrainingConfig config, @Nullable ProviderKind backend) {
        return open(providers, model, config, backend, null, progress -> {});
    }

    /**
     * Opens a session that writes only to the given folders. The operating system then prevents the worker from writing
     * anywhere else ({@code docs/operations.md}). A session without {@code outputs} may write wherever this program
     * may.
     *
     * @param outputs existing folders that contain all output; an empty list allows no output
     * @throws ConfigurationException if an output is not an existing folder
     */
    public static TrainingSession open(
            ProviderConfig providers,
            String model,
            TrainingConfig config,
            @Nullable ProviderKind backend,
            List<Path> outputs) {
        return open(providers, model, config, backend, List.copyOf(outputs), progress -> {});
    }

    static TrainingSession open(
            ProviderConfig providers,
            String model,
            TrainingConfig config,
            @Nullable ProviderKind backend,
            @Nullable List<Path> outputs,
            Consumer<Progress> onProgress) {
        LoadLoop.Loaded<BackendSelector.Opened> opened = new BackendSelector(
                        providers, model, config, absolute(outputs), System.getenv(), onProgress)
                .open(backend);
        BackendSelector.Opened session = opened.value();
        return new TrainingSession(
                session.worker(), session.info().opened(config.method(), opened.attempts(), session.warning()));
    }

    /** Returns what is trained, and on which backend. */
    public TrainingInfo info() {
        return info;
    }

    /** Returns the worker's process id. */
    public long pid() {
        return worker.pid();
    }

    /**
     * Performs one optimizer step over the next {@link TrainingConfig#accumulation()} batches of the data.
     *
     * @throws io.github.mlx4j.error.EngineException if the loss or a gradient is not finite; the training is unchanged
     */
    public TrainingStep trainStep() {
        return worker.call(WorkerCall.of(Method.TRAIN_STEP, NO_BATCH, TrainingStep.class));
    }

    /** Performs one optimizer step over the given batch only. */
    public TrainingStep trainStep(Batch batch) {
        return worker.call(WorkerCall.of(Method.TRAIN_STEP, params(batch, null), TrainingStep.class));
    }

    /** Accumulates the gradients of the data's next batch for {@link #applyGradients()}. */
    public AccumulationStep accumulate() {
        return worker.call(WorkerCall.of(Method.ACCUMULATE, NO_BATCH, AccumulationStep.class));
    }

    /** Accumulates the gradients of the given batch for {@link #applyGradients()}. */
    public AccumulationStep accumulate(Batch batch) {
        return worker.call(WorkerCall.of(Method.ACCUMULATE, params(batch, null), AccumulationStep.class));
    }

    /**
     * Performs one optimizer step with the accumulated gradients, averaged over all their tokens.
     *
     * @throws InvalidRequestException if no gradients have been accumulated
     */
    public TrainingStep applyGradients() {
        return worker.call(WorkerCall.of(Method.APPLY_GRADIENTS, TrainingStep.class));
    }

    /**
     * Validates on all of {@link TrainingConfig#validData()}, without dropout.
     *
     * @throws InvalidRequestException if there is no validation data
     */
    public Validation validate() {
        return worker.call(WorkerCall.of(Method.VALIDATE, NO_BATCH, Validation.class));
    }

    /** Validates on the first batches of {@link TrainingConfig#validData()} only, without dropout. */
    public Validation validate(int batches) {
        return worker.call(
                WorkerCall.of(Method.VALIDATE, new Training.Batches<>(null, batches, null), Validation.class));
    }

    /** Validates on the given batch. */
    public Validation validate(Batch batch) {
        return worker.call(WorkerCall.of(Method.VALIDATE, params(batch, null), Validation.class));
    }

    /**
     * Writes the gradients of a batch into a safetensors file, as float32, under the parameter names of transformers.
     * The training is unchanged. Intended for comparisons and tests.
     */
    public void gradients(Batch batch, Path file) {
        worker.call(WorkerCall.of(Method.GRADIENTS, params(batch, absolute(file)), Object.class));
    }

    /**
     * Writes a checkpoint: the trained parameters, the optimizer's state, and the position in the data. A session that
     * loads it continues as this one would.
     *
     * @return the number of steps that the checkpoint contains
     * @throws io.github.mlx4j.error.EngineException if the disk is full; existing checkpoints stay intact
     */
    public int saveCheckpoint(Path folder) {
        return worker.call(Training.saveCheckpoint(absolute(folder))).step();
    }

    /**
     * Continues from a checkpoint.
     *
     * @return the number of steps that the checkpoint contains
     * @throws InvalidRequestException if the checkpoint has a different model, method or shape; the message names the
     *     difference
     */
    public int loadCheckpoint(Path folder) {
        return worker.call(Training.loadCheckpoint(absolute(folder))).step();
    }

    /** Writes the adapter in PEFT format, which both workers can load. Not available with {@code FULL}. */
    public void saveAdapter(Path folder) {
        saveAdapter(folder, AdapterFormat.PEFT);
    }

    /** Writes the adapter in the given format. Not available with {@code FULL}. */
    public void saveAdapter(Path folder, AdapterFormat format) {
        worker.call(Training.saveAdapter(absolute(folder), format.id()));
    }

    /**
     * Writes the whole model, with its configuration and tokenizer. Available only with {@code FULL}.
     *
     * @return warnings for the user; often empty
     */
    public List<String> saveModel(Path folder) {
        return worker.call(Training.saveModel(absolute(folder))).warnings();
    }

    /** Cancels the call that is running in another thread, if there is one. Returns immediately. */
    public void cancel() {
        worker.cancel();
    }

    /** Stops the worker; a running call fails with {@link io.github.mlx4j.error.ClosedException}. Idempotent. */
    @Override
    public void close() {
        worker.close();
    }

    private static Training.Batches<Batch> params(Batch batch, @Nullable String file) {
        return new Training.Batches<>(batch, null, file);
    }

    private static @Nullable List<Path> absolute(@Nullable List<Path> outputs) {
        if (outputs == null) {
            return null;
        }
        for (Path output : outputs) {
            if (!Files.isDirectory(output)) {
                throw new ConfigurationException(
                        "The output " + output + " is not an existing folder.",
                        "Create the folder before you open the session.");
            }
        }
        return outputs.stream().map(path -> Path.of(absolute(path))).toList();
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }
}
