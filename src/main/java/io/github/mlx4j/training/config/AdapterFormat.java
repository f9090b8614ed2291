package io.github.mlx4j.training.config;

import java.util.Locale;

/** How an adapter is written. */
public enum AdapterFormat {
    /** As PEFT has it; both workers load it, and so do Hugging Face's libraries. */
    PEFT,
    /** As mlx-lm has it; a session on mlx alone can write it. */
    MLX;

    /** The name of the protocol: {@code peft}, {@code mlx}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
