package io.github.mlx4j.training;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What became of one step of the optimizer.
 *
 * @param step its number, from 1
 * @param epoch how often the data was gone through after it, such as 0.25
 * @param loss the mean over the tokens that counted, before the step
 * @param tokens how many tokens counted
 * @param learningRate the step's
 * @param gradientNorm the Euclidean norm of all gradients, before any clipping; {@code null} if it is not known
 * @param memory what the engine takes; {@code null} if it is not known
 * @param millis how long the step took
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

    /** There must be a number and a loss. */
    public TrainingStep {
        Objects.requireNonNull(step, "there is no step");
        Objects.requireNonNull(loss, "there is no loss");
    }
}
