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
            description = "JSON lines to train on, or a folder with train.jsonl and perhaps valid.jsonl.")
    private @Nullable Path data;

    @Option(names = "--valid", paramLabel = "FILE", description = "JSON lines to validate on.")
    private @Nullable Path valid;

    @Option(names = "--config", paramLabel = "FILE", description = "The fields in JSON; other options come first.")
    private @Nullable Path config;

    @Option(names = "--method", paramLabel = "NAME", description = "lora (default), dora, full.")
    private @Nullable TrainingMethod method;

    @Option(names = "--rank", paramLabel = "N", description = "Of LoRA; default 8.")
    private @Nullable Integer rank;

    @Option(names = "--alpha", paramLabel = "X", description = "Of LoRA, whose scale is alpha / rank; default 16.")
    private @Nullable Double alpha;

    @Option(names = "--dropout", paramLabel = "X", description = "Of LoRA; default 0.")
    private @Nullable Double dropout;

    @Option(names = "--layers", paramLabel = "N", description = "The last N blocks have LoRA; default all.")
    private @Nullable Integer layers;

    @Option(
            names = "--targets",
            paramLabel = "NAME",
            split = ",",
            description = "The linear layers of a block that have LoRA, such as q_proj,v_proj; default all.")
    private @Nullable List<String> targets;

    @Option(names = "--adapter", paramLabel = "DIR", description = "The adapter that the training begins with.")
    private @Nullable Path adapter;

    @Option(names = "--optimizer", paramLabel = "NAME", description = "adamw (default), adam, sgd, adafactor.")
    private @Nullable Optimizer optimizer;

    @Option(names = "--learning-rate", paramLabel = "X", description = "The highest; default 1e-4.")
    private @Nullable Double learningRate;

    @Option(names = "--weight-decay", paramLabel = "X", description = "Default 0.01 with adamw, else 0.")
    private @Nullable Double weightDecay;

    @Option(names = "--schedule", paramLabel = "NAME", description = "constant (default), linear, cosine.")
    private @Nullable Schedule schedule;

    @Option(names = "--end-learning-rate", paramLabel = "X", description = "Where a schedule that falls ends.")
    private @Nullable Double endLearningRate;

    @Option(names = "--warmup-steps", paramLabel = "N", description = "The learning rate rises so long; default 0.")
    private @Nullable Integer warmupSteps;

    @Option(names = "--steps", paramLabel = "N", description = "How many steps the training has.")
    private @Nullable Integer steps;

    @Option(names = "--epochs", paramLabel = "N", description = "The same by how often it goes through its data.")
    private @Nullable Integer epochs;

    @Option(names = "--max-gradient-norm", paramLabel = "X", description = "Cuts gradients to it; default not.")
    private @Nullable Double maxGradientNorm;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            description =
                    "Sequences per batch. The default is 4, or fewer (with more accumulation, for the same steps) if"
                            + " an estimate says that 4 don't fit into memory.")
    private @Nullable Integer batchSize;

    @Option(names = "--accumulation", paramLabel = "N", description = "Batches that make up a step; default 1.")
    private @Nullable Integer accumulation;

    @Option(names = "--gradient-checkpointing", description = "Less memory, more time.")
    private @Nullable Boolean gradientCheckpointing;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Turns the weights into bfloat16, float16 or float32; default: as they are stored.")
    private @Nullable Dtype dtype;

    @Option(names = "--max-length", paramLabel = "N", description = "Cuts longer sequences; default 2048 tokens.")
    private @Nullable Integer maxLength;

    @Option(names = "--mask-prompt", description = "The completion, or the chat's last answer, alone counts.")
    private @Nullable Boolean maskPrompt;

    @Option(names = "--seed", paramLabel = "N", description = "Of all that is drawn; default 0.")
    private @Nullable Long seed;

    /**
     * The configuration of the options, over a file's or over {@code before}, where it is not {@code null}.
     *
     * @throws CommandLine.ParameterException if an option's value is wrong; what is wrong in a file is its own error
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

    /** What is wrong with a configuration. */
    private static Optional<String> fault(ObjectNode fields) {
        try {
            TrainingConfig.fromJson(fields.toString());
            return Optional.empty();
        } catch (ConfigurationException wrong) {
            return Optional.of(wrong.getMessage());
        }
    }

    /** Whether the batch size is given, by option or by file. */
    boolean hasBatchSize() {
        return batchSize != null || fields().has("batchSize");
    }

    /** Whether a configuration is named. */
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
