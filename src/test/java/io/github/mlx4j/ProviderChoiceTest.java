package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.model.ModelRegistry;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProviderChoiceTest {

    @TempDir
    private Path home;

    @Test
    void shouldTakeTheBuildThatThereIsWhenAnAliasIsNamed() {
        ProviderChoice choice = choice("mlx-community/Phi-3-mini-4k-instruct");

        assertThat(choice.model(ProviderKind.MLX)).hasValue(ModelRegistry.DEFAULT_MLX);
        assertThat(choice.model(ProviderKind.HF)).hasValue("microsoft/Phi-3-mini-4k-instruct");
    }

    @Test
    void shouldGoByTheUsersOwnFileToo() throws IOException {
        Files.writeString(home.resolve(ModelRegistry.FILE), """
                {"models": [{"id": "me/mine-4bit", "provider": "mlx", "hfCounterpart": "me/mine", "parameters": 5,
                  "contextLength": 64, "aliases": ["me/short"],
                  "architecture": {"layers": 1, "hiddenSize": 8, "heads": 2, "keyValueHeads": 1, "headSize": 4}}]}
                """);

        ProviderChoice choice = choice("me/short");

        assertThat(choice.model(ProviderKind.MLX)).hasValue("me/mine-4bit");
        assertThat(choice.model(ProviderKind.HF)).hasValue("me/mine");
    }

    private ProviderChoice choice(String model) {
        return new ProviderChoice(
                ProviderConfig.builder()
                        .home(home)
                        .model(ProviderKind.MLX, model)
                        .build(),
                Platform.current());
    }
}
