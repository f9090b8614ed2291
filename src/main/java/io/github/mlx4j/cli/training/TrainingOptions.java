package io.github.mlx4j.cli.training;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.training.config.Optimizer;
import io.github.mlx4j.training.config.Schedule;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Options for the fields of a {@link TrainingConfig}. */
final class TrainingOptions {

    private static final JsonMapper JSON = new JsonMapper();

    @Option(
            names = "--data",
            paramLabel = "FILE|DIR",
            description = "Training data: a JSON lines file, or a folder with train.jsonl and optionally valid.jsonl.")
    private @Nullable Path data;

    @Option(names = "--valid", paramLabel = "FILE", description = "Validation data: a JSON lines file.")
    private @Nullable Path valid;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "JSON file with these fields; options on the command line override it.")
    private @Nullable Path config;

    @Option(names = "--method", paramLabel = "NAME", description = "Method: lora (default), dora or full.")
    private @Nullable TrainingMethod method;

    @Option(names = "--rank", paramLabel = "N", description = "LoRA rank (default: 8).")
    private @Nullable Integer rank;

    @Option(
            names = "--alpha",
            paramLabel = "X",
            description = "LoRA alpha; the update is scaled by alpha / rank (default: 16).")
    private @Nullable Double alpha;

    @Option(names = "--dropout", paramLabel = "X", description = "LoRA dropout (default: 0).")
    private @Nullable Double dropout;

    @Option(names = "--layers", paramLabel = "N", description = "Apply LoRA to the last N blocks (default: all).")
    private @Nullable Integer layers;

    @Option(
            names = "--targets",
            paramLabel = "NAME",
            split = ",",
            description = "Linear layers of a block to apply LoRA to, such as q_proj,v_proj (default: all).")
    private @Nullable List<String> targets;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter to start from.")
    private @Nullable Path adapter;

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            description = "Optimizer: adamw (default), adam, sgd or adafactor.")
    private @Nullable Optimizer optimizer;

    @Option(names = "--learning-rate", paramLabel = "X", description = "Peak learning rate (default: 1e-4).")
    private @Nullable Double learningRate;

    @Option(
            names = "--weight-decay",
            paramLabel = "X",
            description = "Weight decay (default: 0.01 for adamw, otherwise 0).")
    private @Nullable Double weightDecay;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            description = "Learning rate schedule: constant (default), linear or cosine.")
    private @Nullable Schedule schedule;

    @Option(
            names = "--end-learning-rate",
            paramLabel = "X",
            description = "Final learning rate of a linear or cosine schedule.")
    private @Nullable Double endLearningRate;

    @Option(names = "--warmup-steps", paramLabel = "N", description = "Number of steps of linear warmup (default: 0).")
    private @Nullable Integer warmupSteps;

    @Option(names = "--steps", paramLabel = "N", description = "Number of training steps.")
    private @Nullable Integer steps;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "Number of passes over the training data, instead of --steps.")
    private @Nullable Integer epochs;

    @Option(
            names = "--max-gradient-norm",
            paramLabel = "X",
            description = "Clip the gradient norm to X (default: no clipping).")
    private @Nullable Double maxGradientNorm;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            description =
                    "Sequences per batch. The default is 4, or fewer (with more accumulation, for the same steps) if"
                            + " 4 are estimated not to fit into memory.")
    private @Nullable Integer batchSize;

    @Option(names = "--accumulation", paramLabel = "N", description = "Number of batches per step (default: 1).")
    private @Nullable Integer accumulation;

    @Option(names = "--gradient-checkpointing", description = "Recompute activations: less memory, more time.")
    private @Nullable Boolean gradientCheckpointing;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Convert the weights to bfloat16, float16 or float32 (default: as stored).")
    private @Nullable Dtype dtype;

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description = "Truncate longer sequences, in tokens (default: 2048).")
    private @Nullable Integer maxLength;

    @Option(
            names = "--mask-prompt",
            description = "Compute the loss only on the completion (or on the last assistant message).")
    private @Nullable Boolean maskPrompt;

    @Option(names = "--seed", paramLabel = "N", description = "Random seed (default: 0).")
    private @Nullable Long seed;

    /**
     * Returns the configuration: the options override a file, or {@code before} if it is not {@code null}.
     *
     * @throws CommandLine.ParameterException if an option's value is invalid; an invalid file is a separate error
     */
    TrainingConfig config(@Nullable TrainingConfig before, CommandLine.Model.CommandSpec spec) {
        ObjectNode fields = before == null ? fields() : read(before.toJson(), "The run's configuration");
        Optional<String> ofFile = config == null ? Optional.empty() : fault(fields);
        if (steps != null) {
            fields.remove("epochs");
        }
        if (epochs != null) {
            fields.remove("totalSteps");
        }
        if (data != null && Files.isDirectory(data)) {
            set(fields, "trainData", data.resolve("train.jsonl"));
            Path beside = data.resolve("valid.jsonl");
            set(fields, "validData", Files.exists(beside) ? beside : null);
        } else {
            set(fields, "trainData", data);
        }
        set(fields, "validData", valid);
        set(fields, "method", method);
        set(fields, "rank", rank);
        set(fields, "alpha", alpha);
        set(fields, "dropout", dropout);
        set(fields, "layers", layers);
        set(fields, "targets", targets);
        set(fields, "adapter", adapter);
        set(fields, "optimizer", optimizer);
        set(fields, "learningRate", learningRate);
        set(fields, "weightDecay", weightDecay);
        set(fields, "schedule", schedule);
        set(fields, "endLearningRate", endLearningRate);
        set(fields, "warmupSteps", warmupSteps);
        set(fields, "totalSteps", steps);
        set(fields, "epochs", epochs);
        set(fields, "maxGradientNorm", maxGradientNorm);
        set(fields, "batchSize", batchSize);
        set(fields, "accumulation", accumulation);
        set(fields, "gradientCheckpointing", gradientCheckpointing);
        set(fields, "dtype", dtype == null ? null : dtype.id());
        set(fields, "maxLength", maxLength);
        set(fields, "maskPrompt", maskPrompt);
        set(fields, "seed", seed);
        Optional<String> found = fault(fields);
        return found.isPresent() && found.equals(ofFile)
                ? TrainingConfig.fromJson(fields.toString())
                : new Usage(spec).of(() -> TrainingConfig.fromJson(fields.toString()));
    }

    /** Returns the error in a configuration, if there is one. */
    private static Optional<String> fault(ObjectNode fields) {
        try {
            TrainingConfig.fromJson(fields.toString());
            return Optional.empty();
        } catch (ConfigurationException wrong) {
            return Optional.of(wrong.getMessage());
        }
    }

    /** Returns whether the batch size is set, by an option or in the file. */
    boolean hasBatchSize() {
        return batchSize != null || fields().has("batchSize");
    }

    /** Returns whether a configuration file is specified. */
    boolean hasFile() {
        return config != null;
    }

    private ObjectNode fields() {
        if (config == null) {
            return JSON.createObjectNode();
        }
        try {
            return read(Files.readString(config), config.toString());
        } catch (IOException unreadable) {
            throw new ConfigurationException(
                    "%s can't be read (%s)."
                            .formatted(config, unreadable.getClass().getSimpleName()),
                    "Name a file with --config.",
                    unreadable);
        }
    }

    private static ObjectNode read(String json, String where) {
        try {
            if (JSON.readTree(json) instanceof ObjectNode fields) {
                return fields;
            }
            throw new ConfigurationException(where + " is no JSON object.", "Correct it.");
        } catch (IOException damaged) {
            throw new ConfigurationException(where + " is no JSON: " + damaged.getMessage(), "Correct it.", damaged);
        }
    }

    private static void set(ObjectNode fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.setAll(Map.of(name, JSON.valueToTree(value instanceof Path path ? path.toString() : value)));
        }
    }
}
