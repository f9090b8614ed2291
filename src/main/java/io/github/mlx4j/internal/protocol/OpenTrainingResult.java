package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code openTraining}: what is trained.
 *
 * @param model the model's source, as asked for
 * @param device where it runs: {@code gpu}, {@code cpu}, {@code mps}, {@code cuda}
 * @param parameters how many parameters the model has
 * @param trainableParameters how many are trained
 * @param trainedModules the modules that are trained, 200 at most
 * @param train the data to train on, or {@code null}
 * @param valid the data to validate on, or {@code null}
 * @param stepsPerEpoch how many steps go through the data once, a part of one included, or {@code null} without data
 * @param totalSteps how many steps the training is to have, or {@code null} where that was not said
 * @param maxLength the most tokens of a sequence, after the cut to the model's context
 * @param contextLength the model's context in tokens, or {@code null} where it states none
 * @param dtype of the weights
 * @param memory what it takes
 * @param warnings what the user should know
 * @param packages versions of the engine's packages
 */
public record OpenTrainingResult(
        String model,
        String device,
        long parameters,
        long trainableParameters,
        List<String> trainedModules,
        @Nullable Data train,
        @Nullable Data valid,
        @Nullable Double stepsPerEpoch,
        @Nullable Integer totalSteps,
        int maxLength,
        @Nullable Integer contextLength,
        String dtype,
        ModelInfo.Memory memory,
        List<String> warnings,
        Map<String, String> packages) {

    /** There must be a model and a device; the rest may be left out. */
    public OpenTrainingResult {
        Objects.requireNonNull(model, "there is no model");
        Objects.requireNonNull(device, "there is no device");
        trainedModules = Objects.requireNonNullElse(trainedModules, List.of());
        dtype = Objects.requireNonNullElse(dtype, "");
        memory = Objects.requireNonNullElse(memory, new ModelInfo.Memory(0, 0));
        warnings = Objects.requireNonNullElse(warnings, List.of());
        packages = Objects.requireNonNullElse(packages, Map.of());
    }

    /**
     * What a file of data has.
     *
     * @param sequences how many sequences
     * @param tokens how many tokens they have
     * @param cut how many were too long and are cut
     * @param dropped how many lines had nothing left to learn after that, and are left out
     * @param trainedTokens how many tokens count in the loss
     */
    public record Data(long sequences, long tokens, long cut, long dropped, long trainedTokens) {}
}
