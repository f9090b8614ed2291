package io.github.mlx4j.training;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The result of one optimizer step.
 *
 * @param step its number, starting at 1
 * @param epoch the number of passes through the data after this step, such as 0.25
 * @param loss the mean loss over the tokens that count, before the update
 * @param tokens how many tokens count
 * @param learningRate the learning rate of this step
 * @param gradientNorm the Euclidean norm of all gradients, before clipping; {@code null} if unknown
 * @param memory the engine's memory usage; {@code null} if unknown
 * @param millis the duration of the step, in milliseconds
 */
public record TrainingStep(
        Integer step,
        double epoch,
        Double loss,
        long tokens,
        double learningRate,
        @Nullable Double gradientNorm,
        @Nullable TrainingMemory memory,
        double millis) {

    /** Checks that there is a step number and a loss. */
    public TrainingStep {
        Objects.requireNonNull(step, "step is missing");
        Objects.requireNonNull(loss, "loss is missing");
    }
}
