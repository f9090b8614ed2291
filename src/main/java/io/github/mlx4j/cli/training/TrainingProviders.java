package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/** Creates provider factories for training commands from the environment. */
final class TrainingProviders {

    private TrainingProviders() {}

    /** The values of --backend. */
    enum Backend {
        AUTO,
        MLX,
        HF;

        @Nullable
        ProviderKind kind() {
            return this == AUTO ? null : this == MLX ? ProviderKind.MLX : ProviderKind.HF;
        }
    }

    /** Returns the environment's settings, except those that concern generation. */
    static ProviderConfig fromEnv() {
        return of(ProviderConfig.fromEnv());
    }

    /** Returns a configuration without the options that concern generation. */
    static ProviderConfig of(ProviderConfig config) {
        return OpenModel.withoutModelOptions(config)
                .workers(workers -> workers.model(model -> model.allowPickles(false)))
                .build();
    }
}
