package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The optimizer that updates the parameters. */
public enum Optimizer {
    /** Adam with decoupled weight decay. */
    ADAMW,
    /** Adam. */
    ADAM,
    /** Stochastic gradient descent, without momentum. */
    SGD,
    /** Adafactor, which needs little memory for its state. */
    ADAFACTOR;

    /** Returns the name as users write it: {@code adamw}, {@code adam}, {@code sgd} or {@code adafactor}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
