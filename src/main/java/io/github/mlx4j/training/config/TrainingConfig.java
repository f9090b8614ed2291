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
 * What is trained and how. Immutable; create one with {@link #builder}. Values that are always invalid are rejected
 * when the configuration is built; values that a particular model or engine doesn't support are rejected when a session
 * is opened. In both cases, the error names the value.
 *
 * @param method which parameters of the model are trained
 * @param rank the rank of the low-rank matrices, 1 to 1024; default 8; {@code null} except with {@code LORA} and
 *     {@code DORA}
 * @param alpha LoRA alpha; the update is scaled by {@code alpha / rank}; default 16; {@code null} except with
 *     {@code LORA} and {@code DORA}
 * @param dropout the dropout probability of the LoRA layers' inputs, at least 0, the default, and less than 1;
 *     {@code null} except with {@code LORA} and {@code DORA}
 * @param layers how many of the last blocks have LoRA; {@code null}, the default, means all
 * @param targets the linear layers of a block that have LoRA, such as {@code q_proj} or {@code self_attn.q_proj};
 *     {@code null}, the default, means all
 * @param adapter the folder of an adapter that the training starts from, or that is evaluated with {@code NONE};
 *     {@code null}, the default, means none
 * @param optimizer the optimizer; default {@code ADAMW}
 * @param learningRate the peak learning rate; default 1e-4
 * @param weightDecay the weight decay; {@code null}, the default, means 0.01 with {@code ADAMW} and otherwise 0
 * @param schedule the learning rate schedule after the warm-up; default {@code CONSTANT}
 * @param endLearningRate the final learning rate of a decaying schedule; {@code null}, the default, means 0
 * @param warmupSteps over how many steps the learning rate rises linearly from 0; default 0
 * @param totalSteps how many steps the training has; {@code null}, the default, if {@code epochs} defines the length or
 *     the caller of a session decides along the way
 * @param epochs how many passes through the data the training makes; {@code null}, the default, if {@code totalSteps}
 *     defines the length
 * @param maxGradientNorm the norm to which the gradients are clipped; {@code null}, the default, disables clipping
 * @param batchSize how many sequences the model processes at once, 1 to 4096; default 4
 * @param accumulation how many such batches make up one optimizer step; default 1
 * @param gradientCheckpointing whether activations are recomputed instead of stored, which saves memory but takes more
 *     time; default false
 * @param dtype the data type to convert the weights to; {@code null}, the default, keeps the stored type
 * @param maxLength the maximum number of tokens of a sequence, 2 or more; longer ones are truncated, and their number
 *     is reported; default 2048
 * @param maskPrompt whether to compute the loss only on the completion or on the chat's last answer; default false
 * @param seed the seed for the order of the data, the initial LoRA weights and the dropout; default 0
 * @param trainData the training data, a JSON Lines file; {@code null}, the default, if there is none
 * @param validData the validation data, a JSON Lines file; {@code null}, the default, if there is none
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
     * @throws ConfigurationException if a value is invalid; the message names the first one
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
        check(targets == null || !targets.isEmpty(), "targets", targets, "one or more, or left out to train all");
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
                "between 0 and learningRate");
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
                    "The schedule " + schedule.id() + " requires the length of the training.",
                    "Set totalSteps or epochs.");
        }
        if (schedule == Schedule.CONSTANT && endLearningRate != null) {
            throw new ConfigurationException(
                    "endLearningRate has no effect with the constant schedule.", "Leave it out, or set schedule.");
        }
    }

    /** Returns a builder with default values. */
    public static Builder builder(TrainingMethod method) {
        Builder builder = new Builder();
        builder.method = method;
        return builder;
    }

    /**
     * Reads a configuration from JSON with the fields of this record. Missing fields have their defaults.
     *
     * @throws ConfigurationException if the configuration is invalid; the message names the problem
     */
    public static TrainingConfig fromJson(String json) {
        return TrainingJson.read(json, TrainingConfig.class, "The training configuration");
    }

    /** Returns the configuration as JSON. */
    public String toJson() {
        return TrainingJson.PAGE.valueToTree(this).toPrettyString();
    }

    /** Returns a builder with the values of this configuration. */
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
                    "%s has no effect with the method %s.".formatted(name, method.id()),
                    "Leave it out, or set method.");
        }
    }

    private static void check(boolean good, String name, @Nullable Object value, String must) {
        if (!good) {
            throw new ConfigurationException("%s is %s.".formatted(name, value), "It must be " + must + ".");
        }
    }

    /** Builds a {@link TrainingConfig}, whose documentation lists the defaults. Not thread-safe. */
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

        /** Sets which parameters of the model are trained. */
        public Builder method(TrainingMethod method) {
            this.method = method;
            return this;
        }

        /** Sets the rank of the low-rank matrices. */
        public Builder rank(@Nullable Integer rank) {
            this.rank = rank;
            return this;
        }

        /** Sets LoRA alpha; the update is scaled by {@code alpha / rank}. */
        public Builder alpha(@Nullable Double alpha) {
            this.alpha = alpha;
            return this;
        }

        /** Sets the dropout probability of the LoRA layers' inputs. */
        public Builder dropout(@Nullable Double dropout) {
            this.dropout = dropout;
            return this;
        }

        /** Sets how many of the last blocks have LoRA. */
        public Builder layers(@Nullable Integer layers) {
            this.layers = layers;
            return this;
        }

        /** Sets which linear layers of a block have LoRA. */
        public Builder targets(@Nullable List<String> targets) {
            this.targets = targets;
            return this;
        }

        /** Sets the folder of an adapter to start from, or to evaluate. */
        public Builder adapter(@Nullable Path adapter) {
            this.adapter = adapter == null ? null : adapter.toAbsolutePath().normalize();
            return this;
        }

        /** Sets the optimizer. */
        public Builder optimizer(Optimizer optimizer) {
            this.optimizer = optimizer;
            return this;
        }

        /** Sets the peak learning rate. */
        public Builder learningRate(double learningRate) {
            this.learningRate = learningRate;
            return this;
        }

        /** Sets the weight decay. */
        public Builder weightDecay(@Nullable Double weightDecay) {
            this.weightDecay = weightDecay;
            return this;
        }

        /** Sets the learning rate schedule after the warm-up. */
        public Builder schedule(Schedule schedule) {
            this.schedule = schedule;
            return this;
        }

        /** Sets the final learning rate of a decaying schedule. */
        public Builder endLearningRate(@Nullable Double endLearningRate) {
            this.endLearningRate = endLearningRate;
            return this;
        }

        /** Sets over how many steps the learning rate rises. */
        public Builder warmupSteps(int warmupSteps) {
            this.warmupSteps = warmupSteps;
            return this;
        }

        /** Sets how many steps the training has. */
        public Builder totalSteps(@Nullable Integer totalSteps) {
            this.totalSteps = totalSteps;
            return this;
        }

        /** Sets how many passes through the data the training makes. */
        public Builder epochs(@Nullable Integer epochs) {
            this.epochs = epochs;
            return this;
        }

        /** Sets the norm to which the gradients are clipped. */
        public Builder maxGradientNorm(@Nullable Double maxGradientNorm) {
            this.maxGradientNorm = maxGradientNorm;
            return this;
        }

        /** Sets how many sequences the model processes at once. */
        public Builder batchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /** Sets how many batches make up one optimizer step. */
        public Builder accumulation(int accumulation) {
            this.accumulation = accumulation;
            return this;
        }

        /** Sets whether activations are recomputed instead of stored. */
        public Builder gradientCheckpointing(boolean gradientCheckpointing) {
            this.gradientCheckpointing = gradientCheckpointing;
            return this;
        }

        /** Sets the data type to convert the weights to. */
        public Builder dtype(@Nullable Dtype dtype) {
            this.dtype = dtype;
            return this;
        }

        /** Sets the maximum number of tokens of a sequence. */
        public Builder maxLength(int maxLength) {
            this.maxLength = maxLength;
            return this;
        }

        /** Sets whether to compute the loss only on the completion or on the chat's last answer. */
        public Builder maskPrompt(boolean maskPrompt) {
            this.maskPrompt = maskPrompt;
            return this;
        }

        /** Sets the random seed. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets the training data. */
        public Builder trainData(@Nullable Path trainData) {
            this.trainData =
                    trainData == null ? null : trainData.toAbsolutePath().normalize();
            return this;
        }

        /** Sets the validation data. */
        public Builder validData(@Nullable Path validData) {
            this.validData =
                    validData == null ? null : validData.toAbsolutePath().normalize();
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if a value is invalid; the message names the first one
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
