package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelRegistryTest {

    @TempDir
    private Path folder;

    @Test
    void shouldKnowWhatTheDefaultWasMadeFrom() {
        assertThat(ModelRegistry.DEFAULT_MLX).isEqualTo("mlx-community/Phi-3-mini-4k-instruct-4bit");
        assertThat(ModelRegistry.hfCounterpart(ModelRegistry.DEFAULT_MLX)).hasValue("microsoft/Phi-3-mini-4k-instruct");
    }

    @Test
    void shouldKnowNoneWhenAConvertedModelIsNotListed() {
        assertThat(ModelRegistry.hfCounterpart("mlx-community/Something-8bit")).isEmpty();
    }

    @Test
    void shouldTakeTheSameWhenAModelOfTheHubWasNotConverted() {
        assertThat(ModelRegistry.hfCounterpart("HuggingFaceTB/SmolLM2-135M-Instruct"))
                .hasValue("HuggingFaceTB/SmolLM2-135M-Instruct");
    }

    @Test
    void shouldTakeTheSameWhenAFolderIsUnquantized() {
        String model =
                Path.of("src", "test", "resources", "models", "tiny-chat").toString();

        assertThat(ModelRegistry.hfCounterpart(model)).hasValue(model);
    }

    @Test
    void shouldKnowNoneWhenAFolderIsQuantizedForMlx() throws IOException {
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"llama\", \"quantization\": {\"group_size\": 64, \"bits\": 4}}");

        assertThat(ModelRegistry.hfCounterpart(folder.toString())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "", "[]", "{\"model_type\": \"llama\", \"quantization_config\": {\"bits\": 4}}"})
    void shouldLeaveItToTheWorkerWhenAFolderIsStrange(String config) throws IOException {
        assertThat(ModelRegistry.hfCounterpart(folder.toString())).hasValue(folder.toString());

        Files.writeString(folder.resolve("config.json"), config);
        assertThat(ModelRegistry.hfCounterpart(folder.toString())).hasValue(folder.toString());
    }
}
