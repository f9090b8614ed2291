package io.github.mlx4j.cli.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.WorkerConfig;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OpenModelTest {

    private static final Map<String, String> ENVIRONMENT = Map.of(
            "MLX_MODEL", "other",
            "MLX_ADAPTER_PATH", "other",
            "MLX4J_EXPERT", "other",
            "MLX4J_BASE_MODEL", "other",
            "MLX4J_DTYPE", "float16",
            "MLX_DRAFT_MODEL", "other",
            "MLX_KV_BITS", "4",
            "MLX4J_TF32", "true",
            "MLX4J_ALLOW_PICKLES", "true",
            "MLX4J_MEMORY_LIMIT_MB", "1");

    /** Permissions and limits are not of the model. */
    private static final LoadConfig PLAIN =
            LoadConfig.builder().allowPickles(true).memoryLimitBytes(1L << 20).build();

    @Test
    void shouldMakeNothingOfTheModelWhenOnlyTheEnvironmentSaysSo() {
        WorkerConfig options = options(new OpenModel.Source("A", "m", WorkerKind.MLX, LoadConfig.DEFAULT));

        assertThat(options.model()).isEqualTo(PLAIN);
        assertThat(options.mlx())
                .as("TF32 is off where models are compared")
                .isEqualTo(MlxConfig.builder().tf32(false).build());
        assertThat(options.prefixCacheBytes()).isZero();
    }

    @Test
    void shouldMakeOfTheModelWhatIsSaidOfItWhenTheEnvironmentSaysSomethingElse() {
        WorkerConfig options = options(new OpenModel.Source(
                "A",
                "m",
                WorkerKind.HF,
                LoadConfig.builder()
                        .adapter(Path.of("x"))
                        .expert("law")
                        .base("org/base")
                        .dtype(Dtype.FLOAT32)
                        .build()));

        assertThat(options.model())
                .isEqualTo(PLAIN.toBuilder()
                        .adapter(Path.of("x"))
                        .expert("law")
                        .base("org/base")
                        .dtype(Dtype.FLOAT32)
                        .build());
    }

    private static WorkerConfig options(OpenModel.Source source) {
        return OpenModel.config(source, ProviderConfig.fromEnv(ENVIRONMENT)).workers();
    }
}
