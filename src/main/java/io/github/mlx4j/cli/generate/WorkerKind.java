package io.github.mlx4j.cli.generate;

import io.github.mlx4j.provider.ProviderKind;

/** A worker kind that a command can be told to use. */
public enum WorkerKind {
    MLX,
    HF;

    public ProviderKind kind() {
        return this == MLX ? ProviderKind.MLX : ProviderKind.HF;
    }
}
