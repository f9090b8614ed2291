package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Tests which workers rerank documents, depending on the settings. */
class RerankersTest {

    private static final Selection BOTH = new Selection(ProviderKind.MLX, List.of(ProviderKind.HF), List.of());

    @Test
    void shouldTakeTheModelOfTheRoleOnBothWorkers() {
        assertThat(rerankers(Map.of("MLX_MODEL", "org/chat", "MLX_MODEL_RERANKER", "org/r"), BOTH))
                .containsExactly(new NamedModel(ProviderKind.MLX, "org/r"), new NamedModel(ProviderKind.HF, "org/r"));
    }

    @Test
    void shouldLeaveAChatModelOutWhenAnotherWorkerHasAReranker() {
        assertThat(rerankers(Map.of("MLX_MODEL", "org/chat", "HF_MODEL_RERANKER", "org/r"), BOTH))
                .containsExactly(new NamedModel(ProviderKind.HF, "org/r"));
        assertThat(rerankers(Map.of("HF_MODEL_RERANKER", "org/r"), BOTH))
                .containsExactly(new NamedModel(ProviderKind.HF, "org/r"));
    }

    @Test
    void shouldTakeThePlainModelWhenNoneIsNamedForTheRole() {
        assertThat(rerankers(Map.of("MLX_MODEL", "org/r"), BOTH))
                .containsExactly(new NamedModel(ProviderKind.MLX, "org/r"), new NamedModel(ProviderKind.HF, "org/r"));
    }

    @Test
    void shouldSayWhatToNameWhenThereIsNone() {
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> rerankers(Map.of(), BOTH))
                .withMessage("No reranker is configured. What to do: Set MLX_MODEL_RERANKER or HF_MODEL_RERANKER.");
    }

    @Test
    void shouldRefuseARemoteProviderByName() {
        Selection ollama = new Selection(ProviderKind.OLLAMA, List.of(), List.of());

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> rerankers(Map.of("OLLAMA_MODEL", "a", "MLX_MODEL_RERANKER", "org/r"), ollama))
                .withMessageStartingWith("ollama can't rerank documents.");
        assertThat(rerankers(
                        Map.of("HF_MODEL_RERANKER", "org/r"),
                        new Selection(ProviderKind.OLLAMA, List.of(ProviderKind.HF), List.of())))
                .containsExactly(new NamedModel(ProviderKind.HF, "org/r"));
    }

    private static List<NamedModel> rerankers(Map<String, String> settings, Selection chosen) {
        return new ProviderChoice(ProviderConfig.fromEnv(settings), new Platform("Linux", "amd64", false))
                .rerankers(chosen);
    }
}
