package io.github.mlx4j.training.config;

import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonPOJOBuilder;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.json.TrainingJson;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is trained and how. Immutable; make one with {@link #builder}. Values that nothing could do with are refused by
 * name when it is built, those that one model or engine can't have when a session is opened.
 *
 * @param method what of the model is trained
 * @param rank of the low-rank matrices, 1 to 1024; default 8; {@code null} but with {@code LORA} and {@code DORA}
 * @param alpha what they are scaled with is {@code alpha / rank}; default 16; {@code null} but with those methods
 * @param dropout the share of a layer's input that LoRA leaves out, from 0, the default, to less than 1; {@code null}
 *     but with those methods
 * @param layers how many of the last blocks have LoRA; {@code null}, the default, is all
 * @param targets the linear layers of a block that have LoRA, such as {@code q_proj} or {@code self_attn.q_proj};
 *     {@code null}, the default, is all
 * @param adapter the folder of an adapter that the training begins with, or with {@code NONE} is evaluated;
 *     {@code null}, the default, is none
 * @param optimizer default {@code ADAMW}
 * @param learningRate the highest; default 1e-4
 * @param weightDecay {@code null}, the default, is 0.01 with {@code ADAMW}, else 0
 * @param schedule after the warm-up; default {@code CONSTANT}
 * @param endLearningRate where a schedule that falls ends; {@code null}, the default, is 0
 * @param warmupSteps how many steps the learning rate rises from 0 in a line; default 0
 * @param totalSteps how many steps the training has; {@code null}, the default, where {@code epochs} says so, or a
 *     session's caller decides as it goes
 * @param epochs how often the training goes through its data; {@code null}, the default, where {@code totalSteps} says
 *     so
 * @param maxGradientNorm what the norm of all gradients is cut to; {@code null}, the default, is no cut
 * @param batchSize how many sequences go through the model at once, 1 to 4096; default 4
 * @param accumulation how many such batches make up a step; default 1
 * @param gradientCheckpointing whether activations are worked out anew instead of kept: less memory, more time; default
 *     no
 * @param dtype what the weights are turned into; {@code null}, the default, is as they are stored
 * @param maxLength the most tokens of a sequence, 2 or more; longer ones are cut, and counted; default 2048
 * @param maskPrompt whether the completion, or the chat's last answer, alone counts in the loss; default no
 * @param seed of the data's order, the first LoRA weights and the dropout; default 0
 * @param trainData a file with JSON lines; {@code null}, the default, where there is none
 * @param validData the same, to validate on
 */
@JsonDeserialize(builder = TrainingConfig.Builder.class)
public record TrainingConfig(
        TrainingMethod method,
        @Nullable Integer rank,
        @Nullable Double alpha,
        @Nullable Double dropout,
        @Nullable Integer layers,
        @Nullable List<String> targets,
        @Nullable Path adapter,
        Optimizer optimizer,
        double learningRate,
        @Nullable Double weightDecay,
        Schedule schedule,
        @Nullable Double endLearningRate,
        int warmupSteps,
        @Nullable Integer totalSteps,
        @Nullable Integer epochs,
        @Nullable Double maxGradientNorm,
        int batchSize,
        int accumulation,
        boolean gradientCheckpointing,
        @Nullable Dtype dtype,
        int maxLength,
        boolean maskPrompt,
        long seed,
        @Nullable Path trainData,
        @Nullable Path validData) {

    /**
     * Checks the values.
     *
     * @throws ConfigurationException that names the first one that can't be
     */
    public TrainingConfig {
        targets = targets == null ? null : List.copyOf(targets);
        boolean lora = method == TrainingMethod.LORA || method == TrainingMethod.DORA;
        only(lora, method, "rank", rank);
        only(lora, method, "alpha", alpha);
        only(lora, method, "dropout", dropout);
        only(lora, method, "layers", layers);
        only(lora, method, "targets", targets);
        only(lora || method == TrainingMethod.NONE, method, "adapter", adapter);
        check(rank == null || (rank >= 1 && rank <= 1024), "rank", rank, "from 1 to 1024");
        check(alpha == null || (alpha > 0 && Double.isFinite(alpha)), "alpha", alpha, "more than 0");
        check(dropout == null || (dropout >= 0 && dropout < 1), "dropout", dropout, "0 or more, and less than 1");
        check(layers == null || layers >= 1, "layers", layers, "1 or more");
        check(targets == null || !targets.isEmpty(), "targets", targets, "one or more, or left out for all");
        check(learningRate > 0 && Double.isFinite(learningRate), "learningRate", learningRate, "more than 0");
        check(
                weightDecay == null || (weightDecay >= 0 && Double.isFinite(weightDecay)),
                "weightDecay",
                weightDecay,
                "0 or more");
        check(
                endLearningRate == null || (endLearningRate >= 0 && endLearningRate <= learningRate),
                "endLearningRate",
                endLearningRate,
                "0 or more, and no more than learningRate");
        check(warmupSteps >= 0, "warmupSteps", warmupSteps, "0 or more");
        check(totalSteps == null || totalSteps >= 1, "totalSteps", totalSteps, "1 or more");
        check(epochs == null || epochs >= 1, "epochs", epochs, "1 or more");
        check(
                maxGradientNorm == null || (maxGradientNorm > 0 && Double.isFinite(maxGradientNorm)),
                "maxGradientNorm",
                maxGradientNorm,
                "more than 0");
        check(batchSize >= 1 && batchSize <= 4096, "batchSize", batchSize, "from 1 to 4096");
        check(accumulation >= 1, "accumulation", accumulation, "1 or more");
        check(maxLength >= 2, "maxLength", maxLength, "2 or more");
        check(seed >= 0, "seed", seed, "0 or more");
        if (totalSteps != null && epochs != null) {
            throw new ConfigurationException("totalSteps and epochs are both set.", "Set one of them.");
        }
        if (schedule != Schedule.CONSTANT && totalSteps == null && epochs == null) {
            throw new ConfigurationException(
                    "The schedule " + schedule.id() + " needs to know how long the training is.",
                    "Set totalSteps or epochs.");
        }
        if (schedule == Schedule.CONSTANT && endLearningRate != null) {
            throw new ConfigurationException(
                    "endLearningRate means nothing with the schedule constant.", "Leave it out, or set schedule.");
        }
    }

    /** A builder with every default. */
    public static Builder builder(TrainingMethod method) {
        Builder builder = new Builder();
        builder.method = method;
        return builder;
    }

    /**
     * A configuration in JSON, with the fields of this record; what is left out has its default.
     *
     * @throws ConfigurationException that names what can't be
     */
    public static TrainingConfig fromJson(String json) {
        return TrainingJson.read(json, TrainingConfig.class, "The training configuration");
    }

    /** The same in JSON. */
    public String toJson() {
        return TrainingJson.PAGE.valueToTree(this).toPrettyString();
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return builder(method)
                .rank(rank)
                .alpha(alpha)
                .dropout(dropout)
                .layers(layers)
                .targets(targets)
                .adapter(adapter)
                .optimizer(optimizer)
                .learningRate(learningRate)
                .weightDecay(weightDecay)
                .schedule(schedule)
                .endLearningRate(endLearningRate)
                .warmupSteps(warmupSteps)
                .totalSteps(totalSteps)
                .epochs(epochs)
                .maxGradientNorm(maxGradientNorm)
                .batchSize(batchSize)
                .accumulation(accumulation)
                .gradientCheckpointing(gradientCheckpointing)
                .dtype(dtype)
                .maxLength(maxLength)
                .maskPrompt(maskPrompt)
                .seed(seed)
                .trainData(trainData)
                .validData(validData);
    }

    private static void only(boolean fits, TrainingMethod method, String name, @Nullable Object value) {
        if (!fits && value != null) {
            throw new ConfigurationException(
                    "%s means nothing with the method %s.".formatted(name, method.id()),
                    "Leave it out, or set method.");
        }
    }

    private static void check(boolean good, String name, @Nullable Object value, String must) {
        if (!good) {
            throw new ConfigurationException("%s is %s.".formatted(name, value), "It must be " + must + ".");
        }
    }

    /** Builds a {@link TrainingConfig}, whose documentation has the defaults. Not thread-safe. */
    @JsonPOJOBuilder(withPrefix = "")
    public static final class Builder {
        private TrainingMethod method = TrainingMethod.LORA;
        private @Nullable Integer rank;
        private @Nullable Double alpha;
        private @Nullable Double dropout;
        private @Nullable Integer layers;
        private @Nullable List<String> targets;
        private @Nullable Path adapter;
        private Optimizer optimizer = Optimizer.ADAMW;
        private double learningRate = 1e-4;
        private @Nullable Double weightDecay;
        private Schedule schedule = Schedule.CONSTANT;
        private @Nullable Double endLearningRate;
        private int warmupSteps;
        private @Nullable Integer totalSteps;
        private @Nullable Integer epochs;
        private @Nullable Double maxGradientNorm;
        private int batchSize = 4;
        private int accumulation = 1;
        private boolean gradientCheckpointing;
        private @Nullable Dtype dtype;
        private int maxLength = 2048;
        private boolean maskPrompt;
        private long seed;
        private @Nullable Path trainData;
        private @Nullable Path validData;

        private Builder() {}

        /** What of the model is trained. */
        public Builder method(TrainingMethod method) {
            this.method = method;
            return this;
        }

        /** The rank of the low-rank matrices. */
        public Builder rank(@Nullable Integer rank) {
            this.rank = rank;
            return this;
        }

        /** What they are scaled with, times the rank. */
        public Builder alpha(@Nullable Double alpha) {
            this.alpha = alpha;
            return this;
        }

        /** The share of a layer's input that LoRA leaves out. */
        public Builder dropout(@Nullable Double dropout) {
            this.dropout = dropout;
            return this;
        }

        /** How many of the last blocks have LoRA. */
        public Builder layers(@Nullable Integer layers) {
            this.layers = layers;
            return this;
        }

        /** The linear layers of a block that have LoRA. */
        public Builder targets(@Nullable List<String> targets) {
            this.targets = targets;
            return this;
        }

        /** The folder of an adapter to begin with, or to evaluate. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter == null ? null : adapter.toAbsolutePath().normalize();
            return this;
        }

        /** How gradients become changes. */
        public Builder optimizer(Optimizer optimizer) {
            this.optimizer = optimizer;
            return this;
        }

        /** The highest learning rate. */
        public Builder learningRate(double learningRate) {
            this.learningRate = learningRate;
            return this;
        }

        /** The weight decay. */
        public Builder weightDecay(@Nullable Double weightDecay) {
            this.weightDecay = weightDecay;
            return this;
        }

        /** How the learning rate goes on after the warm-up. */
        public Builder schedule(Schedule schedule) {
            this.schedule = schedule;
            return this;
        }

        /** Where a schedule that falls ends. */
        public Builder endLearningRate(@Nullable Double endLearningRate) {
            this.endLearningRate = endLearningRate;
            return this;
        }

        /** How many steps the learning rate rises. */
        public Builder warmupSteps(int warmupSteps) {
            this.warmupSteps = warmupSteps;
            return this;
        }

        /** How many steps the training has. */
        public Builder totalSteps(@Nullable Integer totalSteps) {
            this.totalSteps = totalSteps;
            return this;
        }

        /** How often it goes through its data. */
        public Builder epochs(@Nullable Integer epochs) {
            this.epochs = epochs;
            return this;
        }

        /** What the norm of all gradients is cut to. */
        public Builder maxGradientNorm(@Nullable Double maxGradientNorm) {
            this.maxGradientNorm = maxGradientNorm;
            return this;
        }

        /** How many sequences go through the model at once. */
        public Builder batchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /** How many such batches make up a step. */
        public Builder accumulation(int accumulation) {
            this.accumulation = accumulation;
            return this;
        }

        /** Whether activations are worked out anew instead of kept. */
        public Builder gradientCheckpointing(boolean gradientCheckpointing) {
            this.gradientCheckpointing = gradientCheckpointing;
            return this;
        }

        /** What the weights are turned into. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** The most tokens of a sequence. */
        public Builder maxLength(int maxLength) {
            this.maxLength = maxLength;
            return this;
        }

        /** Whether the answer alone counts in the loss. */
        public Builder maskPrompt(boolean maskPrompt) {
            this.maskPrompt = maskPrompt;
            return this;
        }

        /** The seed of all that is drawn. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** The data to train on. */
        public Builder trainData(@Nullable Path trainData) {
            this.trainData =
                    trainData == null ? null : trainData.toAbsolutePath().normalize();
            return this;
        }

        /** The data to validate on. */
        public Builder validData(@Nullable Path validData) {
            this.validData =
                    validData == null ? null : validData.toAbsolutePath().normalize();
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException that names the first value that can't be
         */
        public TrainingConfig build() {
            boolean lora = method == TrainingMethod.LORA || method == TrainingMethod.DORA;
            return new TrainingConfig(
                    method,
                    lora && rank == null ? Integer.valueOf(8) : rank,
                    lora && alpha == null ? Double.valueOf(16) : alpha,
                    lora && dropout == null ? Double.valueOf(0) : dropout,
                    layers,
                    targets,
                    adapter,
                    optimizer,
                    learningRate,
                    weightDecay,
                    schedule,
                    endLearningRate,
                    warmupSteps,
                    totalSteps,
                    epochs,
                    maxGradientNorm,
                    batchSize,
                    accumulation,
                    gradientCheckpointing,
                    dtype,
                    maxLength,
                    maskPrompt,
                    seed,
                    trainData,
                    validData);
        }
    }
}
