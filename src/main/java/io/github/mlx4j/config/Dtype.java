package io.github.mlx4j.config;

import java.util.Locale;

/** What a model's weights can be turned into. */
public enum Dtype {
    BFLOAT16,
    FLOAT16,
    FLOAT32;

    /** The name as users write it: {@code bfloat16}, {@code float16}, {@code float32}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
