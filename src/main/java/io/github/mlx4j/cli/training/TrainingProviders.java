package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.provider.ProviderKind;
import java.util.HashMap;
import java.util.Map;
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

    /** The environment's settings, but for those of models that answer. */
    static ProviderConfig fromEnv() {
        return of(ProviderConfig.environment());
    }

    /** Those of these settings. */
    static ProviderConfig of(Map<String, String> environment) {
        Map<String, String> settings = new HashMap<>(environment);
        OpenModel.LEFT_OUT.forEach(name -> settings.put(name, ""));
        settings.put("MLX4J_ALLOW_PICKLES", "");
        return ProviderConfig.fromEnv(settings);
    }
}
