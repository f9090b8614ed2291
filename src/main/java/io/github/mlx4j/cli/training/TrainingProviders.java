package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/** What a command needs of the environment to have a model in training. */
final class TrainingProviders {

    private TrainingProviders() {}

    /** Which backend a command was told to use. */
    enum Backend {
        AUTO,
        MLX,
        HF;

        @Nullable
        ProviderKind kind() {
            return this == AUTO ? null : this == MLX ? ProviderKind.MLX : ProviderKind.HF;
        }
    }

    /** The environment's configuration, without the options of models that answer. */
    static ProviderConfig fromEnv() {
        return of(ProviderConfig.fromEnv());
    }

    /** A configuration without the options of models that answer. */
    static ProviderConfig of(ProviderConfig config) {
        return OpenModel.withoutModelOptions(config)
                .workers(workers -> workers.model(model -> model.allowPickles(false)))
                .build();
    }
}
