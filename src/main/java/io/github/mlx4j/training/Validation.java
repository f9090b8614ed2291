package io.github.mlx4j.training;

import java.util.Objects;

/**
 * How well a model predicts some data.
 *
 * @param loss the mean loss over the tokens that count
 * @param perplexity e to the power of the loss
 * @param tokens how many tokens count
 * @param sequences how many sequences there were
 */
public record Validation(Double loss, Double perplexity, long tokens, long sequences) {

    /** Checks that there is a loss and a perplexity. */
    public Validation {
        Objects.requireNonNull(loss, "loss is missing");
        Objects.requireNonNull(perplexity, "perplexity is missing");
    }
}
