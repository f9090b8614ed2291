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
 * Describes an open training session: the model, the data, and the backend.
 *
 * @param backend the backend that loaded the model, and its device
 * @param attempts every attempt to open the session, in order; the last one succeeded
 * @param method what is trained
 * @param parameters how many parameters the model has
 * @param trainableParameters how many parameters are trained, including those that were added to the model
 * @param trainedModules the modules that are trained, up to 200
 * @param train the training data, if there is any
 * @param valid the validation data, if there is any
 * @param stepsPerEpoch how many steps one pass through the data takes; may be a fraction such as 9.6, since a batch may
 *     end one epoch and begin the next; empty without data
 * @param totalSteps how many steps the training has, if that was configured
 * @param maxLength the maximum number of tokens of a sequence, limited by the model's context
 * @param contextLength the model's context length; empty if the model doesn't specify one
 * @param dtype the data type of the weights
 * @param memory the memory that the engine uses after loading
 * @param warnings warnings for the user
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

    /** Copies the collections. */
    public TrainingInfo {
        attempts = List.copyOf(attempts);
        trainedModules = List.copyOf(trainedModules);
        warnings = List.copyOf(warnings);
        packages = Map.copyOf(packages);
    }

    /** Adds what the worker doesn't know to its answer: the method, all attempts, and a warning from the Java side. */
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
