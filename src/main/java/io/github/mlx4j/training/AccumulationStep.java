package io.github.mlx4j.training;

import java.util.Objects;

/**
 * What became of one micro-batch whose gradients are kept.
 *
 * @param loss its mean over the tokens that counted
 * @param tokens how many tokens counted
 * @param accumulated how many micro-batches are kept now
 */
public record AccumulationStep(Double loss, long tokens, int accumulated) {

    /** There must be a loss. */
    public AccumulationStep {
        Objects.requireNonNull(loss, "there is no loss");
    }
}
