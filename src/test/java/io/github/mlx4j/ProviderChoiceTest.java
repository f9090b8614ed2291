package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.github.mlx4j.device.BackendChoice;
import io.github.mlx4j.device.BackendFacts;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
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

    @Test
    void shouldSelectABackendWithNothingButAConfiguration() throws IOException {
        Path model = Path.of("src", "test", "resources", "models", "tiny-chat");
        ProviderConfig config = ProviderConfig.builder()
                .home(home)
                .allowAnyPlatform(true)
                .interpreter(ProviderKind.MLX, home.resolve("none").toString())
                .interpreter(
                        ProviderKind.HF,
                        StubPython.printing(home.resolve("python"), StubPython.ALL_WELL)
                                .toString())
                .model(ProviderKind.MLX, model.toString())
                .build();

        assertThat(config.backends())
                .extracting(BackendFacts::provider, BackendFacts::ready, BackendFacts::neededBytes)
                .containsExactly(
                        tuple(ProviderKind.MLX, false, 0L),
                        tuple(
                                ProviderKind.HF,
                                true,
                                MemoryNeed.of(model.toString(), ModelRegistry.builtIn())
                                        .bytes()));
        BackendChoice choice = new DeviceManager().selectBackend(config);
        assertThat(choice.provider()).isEqualTo(ProviderKind.HF);
        assertThat(choice.reasons().get(0).why()).contains(home.resolve("none").toString());
    }

    @Test
    void shouldTellTheDeviceThatIsSet() throws IOException {
        Map<String, String> environment = Map.of(
                "MLX4J_HOME", home.toString(),
                "PYTHON_PATH",
                        StubPython.printing(home.resolve("python"), StubPython.ALL_WELL)
                                .toString(),
                "MLX4J_HF_DEVICE", "cuda");

        assertThat(ProviderConfig.fromEnv(environment).backends().get(1).device())
                .isEqualTo("cuda");
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
