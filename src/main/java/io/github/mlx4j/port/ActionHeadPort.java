package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import java.util.Map;

/** A model's action head: two linear layers applied to the mean of the last hidden states. Thread-safe. */
@FunctionalInterface
public interface ActionHeadPort {

    /**
     * The logit of each action for a text.
     *
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    Map<Action, Double> logits(String text);
}
