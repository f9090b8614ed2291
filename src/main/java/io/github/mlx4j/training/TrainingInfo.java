package io.github.mlx4j.training;

import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.training.config.TrainingMethod;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * What a session trains, and on what.
 *
 * @param backend which engine has the model, and where it runs
 * @param attempts every attempt to open the session, in order; the last one did
 * @param method what is trained
 * @param parameters how many parameters the model has
 * @param trainableParameters how many of them, and of those added to it, are trained
 * @param trainedModules the modules that are trained, 200 at most
 * @param train the data that is trained on, if there is any
 * @param valid the data that is validated on, if there is any
 * @param stepsPerEpoch how many steps go through the data once, such as 9.6, since a batch may end one epoch and begin
 *     the next; empty without data
 * @param totalSteps how many steps the training is to have, if that was said
 * @param maxLength the most tokens of a sequence, after the cut to the model's context
 * @param contextLength the model's, empty where it states none
 * @param dtype of the weights
 * @param memory what the engine takes after the load
 * @param warnings what a user should know
 * @param packages versions of the engine's packages
 */
public record TrainingInfo(
        Backend backend,
        List<LoadAttempt> attempts,
        TrainingMethod method,
        long parameters,
        long trainableParameters,
        List<String> trainedModules,
        Optional<DataSummary> train,
        Optional<DataSummary> valid,
        OptionalDouble stepsPerEpoch,
        OptionalInt totalSteps,
        int maxLength,
        OptionalInt contextLength,
        String dtype,
        TrainingMemory memory,
        List<String> warnings,
        Map<String, String> packages) {

    /** Takes immutable copies. */
    public TrainingInfo {
        attempts = List.copyOf(attempts);
        trainedModules = List.copyOf(trainedModules);
        warnings = List.copyOf(warnings);
        packages = Map.copyOf(packages);
    }

    /** What the worker says, with what it doesn't know: the method, every attempt, and a warning of this side. */
    TrainingInfo opened(TrainingMethod method, List<LoadAttempt> attempts, Optional<String> warning) {
        return new TrainingInfo(
                backend,
                attempts,
                method,
                parameters,
                trainableParameters,
                trainedModules,
                train,
                valid,
                stepsPerEpoch,
                totalSteps,
                maxLength,
                contextLength,
                dtype,
                memory,
                Stream.concat(warnings.stream(), warning.stream()).toList(),
                packages);
    }
}
