package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What of a model is trained. */
public enum TrainingMethod {
    /** Low-rank matrices beside the linear layers; with a model quantized by MLX this is QLoRA. */
    LORA,
    /** The same, and a magnitude for each row of those layers. */
    DORA,
    /** Every parameter. */
    FULL,
    /** Nothing: the model is only evaluated. */
    NONE;

    /** The name as users write it: {@code lora}, {@code dora}, {@code full}, {@code none}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
