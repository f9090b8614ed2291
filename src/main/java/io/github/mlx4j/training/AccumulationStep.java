package io.github.mlx4j.training;

import java.util.Objects;

/**
 * The result of one micro-batch whose gradients are accumulated.
 *
 * @param loss the mean loss over the tokens that count
 * @param tokens how many tokens count
 * @param accumulated how many micro-batches have been accumulated so far
 */
public record AccumulationStep(Double loss, long tokens, int accumulated) {

    /** Checks that there is a loss. */
    public AccumulationStep {
        Objects.requireNonNull(loss, "loss is missing");
    }
}
