package io.github.mlx4j.cli.generate;

import io.github.mlx4j.provider.ProviderKind;

/** The worker kinds that a command can use. */
public enum WorkerKind {
    MLX,
    HF;

    public ProviderKind kind() {
        return this == MLX ? ProviderKind.MLX : ProviderKind.HF;
    }
}
