package io.github.mlx4j.training.config;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Which parameters of a model are trained. */
public enum TrainingMethod {
    /** LoRA: low-rank matrices alongside the linear layers. With a model quantized by MLX, this is QLoRA. */
    LORA,
    /** DoRA: LoRA plus a magnitude for each row of the linear layers. */
    DORA,
    /** All parameters. */
    FULL,
    /** None: the model is only evaluated. */
    NONE;

    /** Returns the name as users write it: {@code lora}, {@code dora}, {@code full} or {@code none}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
