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
 * A model in training, in a worker of its own, step by step. {@link Trainer} makes whole runs of it.
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
 * <p>For one thread at a time; only {@link #cancel} and {@link #close} may be called from any. A cancelled call, and
 * one whose thread is interrupted, fails with {@link CancelledException} and leaves the training as it was before;
 * where the worker was done already, its answer counts. If the worker dies, every call fails with
 * {@link WorkerDiedException}, which has its exit code and last words: nothing is started or sent again, since what was
 * not in a checkpoint is lost. Folders that are saved to must not be there yet, or be empty; they are there whole or
 * not at all.
 */
public final class TrainingSession implements AutoCloseable {

    /** The data's own batches. */
    private static final Training.Batches<Batch> NO_BATCH = new Training.Batches<>(null, null, null);

    private final SerialWorker worker;
    private final TrainingInfo info;

    private TrainingSession(SerialWorker worker, TrainingInfo info) {
        this.worker = worker;
        this.info = info;
    }

    /**
     * Opens one on the first backend that can: mlx, then transformers.
     *
     * @param providers where interpreters are, what may be downloaded, and limits of the workers
     * @param model a folder, or a hub id {@code org/name}; nothing is written into it
     * @param config what is trained and how
     * @throws NoBackendLoadedException if no backend can, with every attempt
     * @throws InvalidRequestException if the data or a value can't be
     * @throws CancelledException if the thread is interrupted meanwhile
     */
    public static TrainingSession open(ProviderConfig providers, String model, TrainingConfig config) {
        return open(providers, model, config, null);
    }

    /**
     * The same on one backend.
     *
     * @param backend {@code MLX}, {@code HF}, or {@code null} for the first that can
     */
    public static TrainingSession open(
            ProviderConfig providers, String model, TrainingConfig config, @Nullable ProviderKind backend) {
        return open(providers, model, config, backend, null, progress -> {});
    }

    /**
     * The same for a session that writes to known folders only. The system then keeps its worker from writing anywhere
     * else ({@code docs/operations.md}); without {@code outputs} the worker may write wherever this program may.
     *
     * @param outputs existing folders, in which everything goes that is saved; an empty list allows no output
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

    /** What is trained, and on what. */
    public TrainingInfo info() {
        return info;
    }

    /** The worker's process id. */
    public long pid() {
        return worker.pid();
    }

    /**
     * One step of the optimizer over the next batches of the data, {@link TrainingConfig#accumulation()} of them.
     *
     * @throws io.github.mlx4j.error.EngineException if the loss or a gradient is no finite number; nothing is changed
     */
    public TrainingStep trainStep() {
        return worker.call(WorkerCall.of(Method.TRAIN_STEP, NO_BATCH, TrainingStep.class));
    }

    /** One step over this batch alone. */
    public TrainingStep trainStep(Batch batch) {
        return worker.call(WorkerCall.of(Method.TRAIN_STEP, params(batch, null), TrainingStep.class));
    }

    /** Keeps the gradients of the data's next batch for {@link #applyGradients()}. */
    public AccumulationStep accumulate() {
        return worker.call(WorkerCall.of(Method.ACCUMULATE, NO_BATCH, AccumulationStep.class));
    }

    /** Keeps the gradients of this batch for {@link #applyGradients()}. */
    public AccumulationStep accumulate(Batch batch) {
        return worker.call(WorkerCall.of(Method.ACCUMULATE, params(batch, null), AccumulationStep.class));
    }

    /**
     * One step with the gradients that are kept: the mean over all their tokens.
     *
     * @throws InvalidRequestException if there are none
     */
    public TrainingStep applyGradients() {
        return worker.call(WorkerCall.of(Method.APPLY_GRADIENTS, TrainingStep.class));
    }

    /**
     * Validates on all of {@link TrainingConfig#validData()}, without dropout.
     *
     * @throws InvalidRequestException if there is none
     */
    public Validation validate() {
        return worker.call(WorkerCall.of(Method.VALIDATE, NO_BATCH, Validation.class));
    }

    /** The same on the first batches of it only. */
    public Validation validate(int batches) {
        return worker.call(
                WorkerCall.of(Method.VALIDATE, new Training.Batches<>(null, batches, null), Validation.class));
    }

    /** Validates on this batch. */
    public Validation validate(Batch batch) {
        return worker.call(WorkerCall.of(Method.VALIDATE, params(batch, null), Validation.class));
    }

    /**
     * Writes the gradients of a batch into a safetensors file, float32, by the names that transformers gives the
     * parameters. Changes nothing. For comparisons and tests.
     */
    public void gradients(Batch batch, Path file) {
        worker.call(WorkerCall.of(Method.GRADIENTS, params(batch, absolute(file)), Object.class));
    }

    /**
     * Writes a checkpoint: what is trained, the optimizer's state, the place in the data. A session that loads it goes
     * on as this one would have.
     *
     * @return how many steps it has
     * @throws io.github.mlx4j.error.EngineException if the disk is full; checkpoints that were there stay whole
     */
    public int saveCheckpoint(Path folder) {
        return worker.call(Training.saveCheckpoint(absolute(folder))).step();
    }

    /**
     * Goes on from a checkpoint.
     *
     * @return how many steps it has
     * @throws InvalidRequestException if it is of another model, method or shape; the message says what differs
     */
    public int loadCheckpoint(Path folder) {
        return worker.call(Training.loadCheckpoint(absolute(folder))).step();
    }

    /** Writes the adapter as PEFT has it, which both workers load. Not with {@code FULL}. */
    public void saveAdapter(Path folder) {
        saveAdapter(folder, AdapterFormat.PEFT);
    }

    /** Writes the adapter in a format. Not with {@code FULL}. */
    public void saveAdapter(Path folder, AdapterFormat format) {
        worker.call(Training.saveAdapter(absolute(folder), format.id()));
    }

    /**
     * Writes the whole model, with its configuration and tokenizer. With {@code FULL} only.
     *
     * @return what a user should know of it; often nothing
     */
    public List<String> saveModel(Path folder) {
        return worker.call(Training.saveModel(absolute(folder))).warnings();
    }

    /** Cancels the call that runs in another thread, if one does. Never waits. */
    public void cancel() {
        worker.cancel();
    }

    /** Ends the worker; a call that runs fails with {@link io.github.mlx4j.error.ClosedException}. Idempotent. */
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
                        "Create the folder before the session is opened.");
            }
        }
        return outputs.stream().map(path -> Path.of(absolute(path))).toList();
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }
}
