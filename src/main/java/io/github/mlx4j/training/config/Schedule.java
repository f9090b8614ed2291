package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The learning rate schedule after the warm-up. */
public enum Schedule {
    /** The learning rate stays constant. */
    CONSTANT,
    /** The learning rate decays linearly and reaches its final value at the last step. */
    LINEAR,
    /** The learning rate decays along half a cosine and reaches its final value at the last step. */
    COSINE;

    /** Returns the name as users write it: {@code constant}, {@code linear} or {@code cosine}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
