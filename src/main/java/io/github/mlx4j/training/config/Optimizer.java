package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How gradients become changes. */
public enum Optimizer {
    /** Adam with decoupled weight decay. */
    ADAMW,
    /** Adam. */
    ADAM,
    /** Stochastic gradient descent, without momentum. */
    SGD,
    /** Adafactor, whose state is small. */
    ADAFACTOR;

    /** The name as users write it: {@code adamw}, {@code adam}, {@code sgd}, {@code adafactor}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
