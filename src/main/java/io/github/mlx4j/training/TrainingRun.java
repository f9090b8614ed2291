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
 * A whole training, in a folder that has all of it. Immutable; make one with {@link #builder}, or read one with
 * {@link #in}.
 *
 * @param model the model: a folder, or a hub id {@code org/name}
 * @param training what is trained and how; with {@code trainData}, and with {@code totalSteps} or {@code epochs}
 * @param folder where everything goes; made if need be
 * @param validateEvery after how many steps each time the model is validated, if there is {@code validData}; 0, the
 *     default, is before the first step and after the last one only, which are never left out
 * @param checkpointEvery after how many steps each time a checkpoint is written; default 100; 0 is after the last one
 *     only, which is never left out
 * @param keepCheckpoints how many of the newest checkpoints are kept; default 3. The best one stays too where
 *     {@code patience} is set
 * @param patience ends the run early once so many validations in a row were not better than the best; with it, the
 *     result is the best of the run, not the last. 0, the default, doesn't
 * @param minDelta by how much a validation loss must be less than the best to count as better; default 0
 * @param backend {@code MLX}, {@code HF}, or {@code null}, the default, for the first that can
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
     * @throws ConfigurationException that names the first one that can't be
     */
    public TrainingRun {
        check(training.method() != TrainingMethod.NONE, "The method none trains nothing.", "Set lora, dora or full.");
        check(training.trainData() != null, "trainData is not set.", "Name a file with JSON lines.");
        check(
                training.totalSteps() != null || training.epochs() != null,
                "The run has no length.",
                "Set totalSteps or epochs.");
        check(validateEvery >= 0, "validateEvery is " + validateEvery + ".", "It must be 0 or more.");
        check(checkpointEvery >= 0, "checkpointEvery is " + checkpointEvery + ".", "It must be 0 or more.");
        check(keepCheckpoints >= 1, "keepCheckpoints is " + keepCheckpoints + ".", "It must be 1 or more.");
        check(patience >= 0, "patience is " + patience + ".", "It must be 0 or more.");
        check(minDelta >= 0 && Double.isFinite(minDelta), "minDelta is " + minDelta + ".", "It must be 0 or more.");
        check(
                training.validData() != null || (validateEvery == 0 && patience == 0),
                "validateEvery and patience mean nothing without validData.",
                "Name a file with JSON lines, or leave them out.");
        check(
                patience == 0 || validateEvery > 0,
                "patience means nothing without validateEvery.",
                "Say after how many steps the model is validated.");
        check(
                patience > 0 || minDelta == 0,
                "minDelta means nothing without patience.",
                "Set patience, or leave it out.");
        check(
                !Files.isDirectory(UserPath.of(model)) || !FileTree.isWithin(folder, UserPath.of(model)),
                "The run's folder " + folder + " is inside the model's.",
                "Name another one.");
    }

    /** A builder with every default. */
    public static Builder builder(String model, TrainingConfig training, Path folder) {
        return new Builder().model(model).training(training).folder(folder);
    }

    /**
     * The run that is in a folder, to be resumed.
     *
     * @throws ConfigurationException if there is none
     */
    public static TrainingRun in(Path folder) {
        return RunSettings.read(folder)
                .orElseThrow(() -> new ConfigurationException(
                        "There is no run in %s: it has no %s.".formatted(folder, RunSettings.FILE),
                        "Name the folder of a run, or begin one there."))
                .run()
                .toBuilder()
                .folder(folder) // it may have been moved
                .build();
    }

    /** A builder with these values. */
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

    /** Builds a {@link TrainingRun}, whose documentation has the defaults. Not thread-safe. */
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

        /** The model: a folder, or a hub id. */
        public Builder model(String model) {
            this.model = Files.isDirectory(UserPath.of(model))
                    ? UserPath.of(model).toAbsolutePath().normalize().toString()
                    : model;
            return this;
        }

        /** What is trained and how. */
        public Builder training(TrainingConfig training) {
            this.training = training;
            return this;
        }

        /** Where everything goes. */
        public Builder folder(Path folder) {
            this.folder = folder.toAbsolutePath().normalize();
            return this;
        }

        /** After how many steps each time the model is validated. */
        public Builder validateEvery(int steps) {
            this.validateEvery = steps;
            return this;
        }

        /** After how many steps each time a checkpoint is written. */
        public Builder checkpointEvery(int steps) {
            this.checkpointEvery = steps;
            return this;
        }

        /** How many of the newest checkpoints are kept. */
        public Builder keepCheckpoints(int checkpoints) {
            this.keepCheckpoints = checkpoints;
            return this;
        }

        /** After how many validations without a better one the run ends early. */
        public Builder patience(int validations) {
            this.patience = validations;
            return this;
        }

        /** By how much a validation loss must be less to count as better. */
        public Builder minDelta(double minDelta) {
            this.minDelta = minDelta;
            return this;
        }

        /** The backend, or {@code null} for the first that can. */
        public Builder backend(@Nullable ProviderKind backend) {
            this.backend = backend;
            return this;
        }

        /**
         * Builds the run.
         *
         * @throws ConfigurationException that names the first value that can't be
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
