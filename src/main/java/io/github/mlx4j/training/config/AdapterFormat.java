package io.github.mlx4j.training.config;

import java.util.Locale;

/** The file format of an adapter. */
public enum AdapterFormat {
    /** The format of PEFT. Both workers and the Hugging Face libraries can load it. */
    PEFT,
    /** The format of mlx-lm. Only sessions on mlx can write it. */
    MLX;

    /** Returns the format's name in the protocol: {@code peft} or {@code mlx}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
