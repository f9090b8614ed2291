package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How the learning rate goes on after the warm-up. */
public enum Schedule {
    /** It stays. */
    CONSTANT,
    /** It falls in a line, to its end at the last step. */
    LINEAR,
    /** It falls along half a cosine, to its end at the last step. */
    COSINE;

    /** The name as users write it: {@code constant}, {@code linear}, {@code cosine}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
