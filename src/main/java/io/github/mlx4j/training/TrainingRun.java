package io.github.mlx4j.training;

import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonPOJOBuilder;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A complete training run, whose folder holds everything that belongs to it. Immutable; create one with
 * {@link #builder}, or read one with {@link #in}.
 *
 * @param model the model: a folder, or a hub id {@code org/name}
 * @param training what is trained and how; requires {@code trainData}, and either {@code totalSteps} or {@code epochs}
 * @param folder the folder for all output; created if it doesn't exist
 * @param validateEvery the number of steps between validations, if there is {@code validData}; with 0, the default, the
 *     model is validated only before the first and after the last step, which always happens
 * @param checkpointEvery the number of steps between checkpoints; default 100; with 0, a checkpoint is written only
 *     after the last step, which always happens
 * @param keepCheckpoints how many of the newest checkpoints are kept; default 3. If {@code patience} is set, the best
 *     one is kept as well
 * @param patience stops the run early after this many consecutive validations without improvement; the result is then
 *     the best checkpoint of the run, not the last. 0, the default, disables early stopping
 * @param minDelta how much lower than the best a validation loss must be to count as an improvement; default 0
 * @param backend {@code MLX}, {@code HF}, or {@code null}, the default, for the first one that can run the training
 */
@JsonDeserialize(builder = TrainingRun.Builder.class)
public record TrainingRun(
        String model,
        TrainingConfig training,
        Path folder,
        int validateEvery,
        int checkpointEvery,
        int keepCheckpoints,
        int patience,
        double minDelta,
        @Nullable ProviderKind backend) {

    /**
     * Checks the values.
     *
     * @throws ConfigurationException if a value is invalid; the message names the first one
     */
    public TrainingRun {
        check(
                training.method() != TrainingMethod.NONE,
                "The method none trains nothing.",
                "Set method to lora, dora or full.");
        check(training.trainData() != null, "trainData is not set.", "Set it to a JSON Lines file.");
        check(
                training.totalSteps() != null || training.epochs() != null,
                "The length of the run is not set.",
                "Set totalSteps or epochs.");
        check(validateEvery >= 0, "validateEvery is " + validateEvery + ".", "It must be 0 or more.");
        check(checkpointEvery >= 0, "checkpointEvery is " + checkpointEvery + ".", "It must be 0 or more.");
        check(keepCheckpoints >= 1, "keepCheckpoints is " + keepCheckpoints + ".", "It must be 1 or more.");
        check(patience >= 0, "patience is " + patience + ".", "It must be 0 or more.");
        check(minDelta >= 0 && Double.isFinite(minDelta), "minDelta is " + minDelta + ".", "It must be 0 or more.");
        check(
                training.validData() != null || (validateEvery == 0 && patience == 0),
                "validateEvery and patience have no effect without validData.",
                "Set validData to a JSON Lines file, or leave them out.");
        check(
                patience == 0 || validateEvery > 0,
                "patience has no effect without validateEvery.",
                "Set validateEvery to the number of steps between validations.");
        check(
                patience > 0 || minDelta == 0,
                "minDelta has no effect without patience.",
                "Set patience, or leave minDelta out.");
        check(
                !Files.isDirectory(UserPath.of(model)) || !FileTree.isWithin(folder, UserPath.of(model)),
                "The run's folder " + folder + " is inside the model folder.",
                "Choose another folder.");
    }

    /** Returns a builder with default values. */
    public static Builder builder(String model, TrainingConfig training, Path folder) {
        return new Builder().model(model).training(training).folder(folder);
    }

    /**
     * Reads the run in a folder, in order to resume it.
     *
     * @throws ConfigurationException if the folder has no run
     */
    public static TrainingRun in(Path folder) {
        return RunSettings.read(folder)
                .orElseThrow(() -> new ConfigurationException(
                        "There is no run in %s: it has no %s.".formatted(folder, RunSettings.FILE),
                        "Give the folder of an existing run, or start a run there."))
                .run()
                .toBuilder()
                .folder(folder) // the folder may have been moved
                .build();
    }

    /** Returns a builder with the values of this run. */
    public Builder toBuilder() {
        return builder(model, training, folder)
                .validateEvery(validateEvery)
                .checkpointEvery(checkpointEvery)
                .keepCheckpoints(keepCheckpoints)
                .patience(patience)
                .minDelta(minDelta)
                .backend(backend);
    }

    private static void check(boolean good, String what, String hint) {
        if (!good) {
            throw new ConfigurationException(what, hint);
        }
    }

    /** Builds a {@link TrainingRun}, whose documentation lists the defaults. Not thread-safe. */
    @JsonPOJOBuilder(withPrefix = "")
    public static final class Builder {
        private @Nullable String model;
        private @Nullable TrainingConfig training;
        private @Nullable Path folder;
        private int validateEvery;
        private int checkpointEvery = 100;
        private int keepCheckpoints = 3;
        private int patience;
        private double minDelta;
        private @Nullable ProviderKind backend;

        private Builder() {}

        /** Sets the model: a folder, or a hub id. */
        public Builder model(String model) {
            this.model = Files.isDirectory(UserPath.of(model))
                    ? UserPath.of(model).toAbsolutePath().normalize().toString()
                    : model;
            return this;
        }

        /** Sets what is trained and how. */
        public Builder training(TrainingConfig training) {
            this.training = training;
            return this;
        }

        /** Sets the folder for all output. */
        public Builder folder(Path folder) {
            this.folder = folder.toAbsolutePath().normalize();
            return this;
        }

        /** Sets the number of steps between validations. */
        public Builder validateEvery(int steps) {
            this.validateEvery = steps;
            return this;
        }

        /** Sets the number of steps between checkpoints. */
        public Builder checkpointEvery(int steps) {
            this.checkpointEvery = steps;
            return this;
        }

        /** Sets how many of the newest checkpoints are kept. */
        public Builder keepCheckpoints(int checkpoints) {
            this.keepCheckpoints = checkpoints;
            return this;
        }

        /** Sets after how many validations without improvement the run stops early. */
        public Builder patience(int validations) {
            this.patience = validations;
            return this;
        }

        /** Sets how much lower a validation loss must be to count as an improvement. */
        public Builder minDelta(double minDelta) {
            this.minDelta = minDelta;
            return this;
        }

        /** Sets the backend, or {@code null} for the first one that can run the training. */
        public Builder backend(@Nullable ProviderKind backend) {
            this.backend = backend;
            return this;
        }

        /**
         * Builds the run.
         *
         * @throws ConfigurationException if a value is invalid; the message names the first one
         */
        public TrainingRun build() {
            return new TrainingRun(
                    Objects.requireNonNull(model, "model"),
                    Objects.requireNonNull(training, "training"),
                    Objects.requireNonNull(folder, "folder"),
                    validateEvery,
                    checkpointEvery,
                    keepCheckpoints,
                    patience,
                    minDelta,
                    backend);
        }
    }
}
