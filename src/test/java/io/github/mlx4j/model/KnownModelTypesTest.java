package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.port.ProviderKind;
import org.junit.jupiter.api.Test;

class KnownModelTypesTest {

    @Test
    void shouldNameTheLibraryAndItsTypes() {
        KnownModelTypes mlx = KnownModelTypes.of(ProviderKind.MLX);
        KnownModelTypes hf = KnownModelTypes.of(ProviderKind.HF);

        assertThat(mlx.library()).matches("mlx-lm \\d+\\.\\d+\\.\\d+");
        assertThat(hf.library()).matches("transformers \\d+\\.\\d+\\.\\d+");
        assertThat(mlx.names())
                .contains("llama", "mistral", "phi3", "qwen3", "gemma3")
                .doesNotContain("cache", "base");
        assertThat(hf.names())
                .contains("llama", "mistral", "phi3", "qwen3", "gpt2")
                .doesNotContain("bert_tiny");
    }
}
