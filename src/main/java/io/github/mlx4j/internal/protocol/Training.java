package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code openTraining}, which a training worker receives instead of {@code initialize}, and the other training calls.
 */
public final class Training {

    private Training() {}

    /** Returns a call that writes a checkpoint. */
    public static WorkerCall<Checkpoint> saveCheckpoint(String folder) {
        return WorkerCall.of(Method.SAVE_CHECKPOINT, new Folder(folder, null), Checkpoint.class);
    }

    /** Returns a call that resumes from a checkpoint. */
    public static WorkerCall<Checkpoint> loadCheckpoint(String folder) {
        return WorkerCall.of(Method.LOAD_CHECKPOINT, new Folder(folder, null), Checkpoint.class);
    }

    /** Returns a call that writes the adapter in the format {@code peft} or {@code mlx}. */
    public static WorkerCall<Saved> saveAdapter(String folder, String format) {
        return WorkerCall.of(Method.SAVE_ADAPTER, new Folder(folder, format), Saved.class);
    }

    /** Returns a call that writes the whole model. */
    public static WorkerCall<Saved> saveModel(String folder) {
        return WorkerCall.of(Method.SAVE_MODEL, new Folder(folder, null), Saved.class);
    }

    /**
     * Params of {@code openTraining}.
     *
     * @param load the model and how to load it
     * @param training what is trained and how; {@code docs/protocol.md} lists its fields
     */
    public record Open(@JsonUnwrapped Load.Params<Options> load, JsonNode training) {}

    /**
     * How to load a model; {@code null} means the worker's default.
     *
     * @param trustRemoteCode whether code from the model folder may run
     * @param memoryLimitBytes maximum memory of the engine
     * @param ranks number of processes that share each batch
     * @param hosts a host file of the machines that share each batch
     * @param wiredLimit whether MLX may wire memory
     * @param device where transformers runs the model: auto, cuda, mps or cpu
     */
    public record Options(
            @Nullable Boolean trustRemoteCode,
            @Nullable Long memoryLimitBytes,
            @Nullable Integer ranks,
            @Nullable String hosts,
            @Nullable Boolean wiredLimit,
            @Nullable String device) {}

    /**
     * The params of {@code trainStep}, {@code accumulate}, {@code validate} and {@code gradients}.
     *
     * @param <B> the type of a batch
     * @param batch the sequences to use, or {@code null} to use the data set
     * @param batches the number of batches of the data set to validate on, or {@code null} for all
     * @param file the file to write the gradients to, or {@code null}
     */
    public record Batches<B>(
            @Nullable B batch,
            @Nullable Integer batches,
            @Nullable String file) {}

    record Folder(String folder, @Nullable String format) {}

    /**
     * The result of {@code saveCheckpoint} and {@code loadCheckpoint}.
     *
     * @param step the number of completed steps
     * @param bytes the number of bytes written, 0 for a load
     */
    public record Checkpoint(@Required int step, long bytes) {}

    /**
     * The result of {@code saveAdapter} and {@code saveModel}.
     *
     * @param bytes the number of bytes written
     * @param warnings what the user should know
     */
    public record Saved(long bytes, List<String> warnings) {}
}
