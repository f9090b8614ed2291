package io.github.mlx4j.training;

import java.util.Objects;

/**
 * How well a model tells what data has.
 *
 * @param loss the mean over the tokens that counted
 * @param perplexity e to the power of the loss
 * @param tokens how many tokens counted
 * @param sequences how many sequences
 */
public record Validation(Double loss, Double perplexity, long tokens, long sequences) {

    /** There must be a loss and a perplexity. */
    public Validation {
        Objects.requireNonNull(loss, "there is no loss");
        Objects.requireNonNull(perplexity, "there is no perplexity");
    }
}
