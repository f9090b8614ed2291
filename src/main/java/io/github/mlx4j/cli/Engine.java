package io.github.mlx4j.cli;

import io.github.mlx4j.port.ProviderKind;

/** A worker kind that a command can be told to use. */
enum Engine {
    MLX,
    HF;

    ProviderKind kind() {
        return this == MLX ? ProviderKind.MLX : ProviderKind.HF;
    }
}
