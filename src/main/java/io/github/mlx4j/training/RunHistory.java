package io.github.mlx4j.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** All metrics that a run has recorded so far. Not thread-safe. */
final class RunHistory {

    private final List<TrainingStep> steps = new ArrayList<>();
    private final List<Validated> validations = new ArrayList<>();

    /**
     * A validation.
     *
     * @param step the number of steps completed before it
     * @param result its result
     */
    record Validated(int step, Validation result) {}

    void add(TrainingStep step) {
        steps.add(step);
    }

    void add(Validated validation) {
        validations.add(validation);
    }

    List<TrainingStep> steps() {
        return List.copyOf(steps);
    }

    List<Validated> validations() {
        return List.copyOf(validations);
    }

    Optional<Validated> last() {
        return validations.isEmpty() ? Optional.empty() : Optional.of(validations.get(validations.size() - 1));
    }

    long tokens() {
        return steps.stream().mapToLong(TrainingStep::tokens).sum();
    }

    double seconds() {
        return steps.stream().mapToDouble(TrainingStep::millis).sum() / 1000;
    }
}
