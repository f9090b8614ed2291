package io.github.mlx4j.config;

import java.util.Locale;

/** The type that a model's weights are converted to. */
public enum Dtype {
    BFLOAT16,
    FLOAT16,
    FLOAT32;

    /** Returns the name as users write it: {@code bfloat16}, {@code float16}, {@code float32}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
