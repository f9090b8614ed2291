package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFormatTest {

    @TempDir
    private Path temp;

    private Path folder;

    @BeforeEach
    void nameTheFolder() {
        folder = temp.resolve("ein Modell ü");
    }

    @Test
    void shouldTellMlxFromTransformersWhenTheMetadataDo() throws IOException {
        assertThat(ModelFormat.detect(Folders.hf(folder))).isEqualTo(ModelFormat.HF);

        Safetensors.llama(2).format("mlx").write(folder.resolve("model.safetensors"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.MLX);
    }

    @Test
    void shouldTellQuantizedModelsApart() throws IOException {
        assertThat(ModelFormat.detect(Folders.mlxQuantized(folder))).isEqualTo(ModelFormat.MLX_QUANTIZED);

        Folders.write(folder, "config.json", Folders.config("\"quantization_config\": {\"quant_method\": \"gptq\"}"));
        Safetensors.llama(2).format("pt").write(folder.resolve("model.safetensors"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);
    }

    @Test
    void shouldTellAdaptersApart() throws IOException {
        assertThat(ModelFormat.detect(Folders.peftAdapter(folder, "org/base"))).isEqualTo(ModelFormat.PEFT_ADAPTER);
        assertThat(ModelFormat.detect(Folders.mlxAdapter(temp.resolve("mlx"), "org/base")))
                .isEqualTo(ModelFormat.MLX_ADAPTER);
    }

    @Test
    void shouldTakeAnAdapterForOneWhenAConfigLiesBesideIt() throws IOException {
        assertThat(ModelFormat.detect(Folders.peftAdapter(Folders.hf(folder), "org/base")))
                .isEqualTo(ModelFormat.PEFT_ADAPTER);
    }

    @Test
    void shouldTellTheFormsOfDyloraApart() throws IOException {
        assertThat(ModelFormat.detect(Folders.dyloraWrapped(temp.resolve("a")))).isEqualTo(ModelFormat.DYLORA_WRAPPED);
        assertThat(ModelFormat.detect(Folders.dyloraBaseConfig(temp.resolve("b"))))
                .isEqualTo(ModelFormat.DYLORA_BASE_CONFIG);
        assertThat(ModelFormat.detect(Folders.dyloraSeparated(temp.resolve("c"))))
                .isEqualTo(ModelFormat.DYLORA_SEPARATED);
        assertThat(ModelFormat.detect(Folders.dyloraCheckpoint(temp.resolve("d"))))
                .isEqualTo(ModelFormat.DYLORA_CHECKPOINT);
    }

    @Test
    void shouldSeeDyloraWhenItsStateAndAnExpertAreThere() throws IOException {
        Folders.model(
                folder,
                Folders.CONFIG,
                Safetensors.llama(2).tensor("model.layers.0.q_proj.lora_A.expert_0.weight", "F32", 2, 4));
        Files.createDirectories(folder.resolve("dylo_moe_state"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.DYLORA_BASE_CONFIG);

        Files.move(folder.resolve("dylo_moe_state"), temp.resolve("dylo_moe_state"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.DYLORA_BASE_CONFIG);
        assertThat(ModelFormat.detect(Files.createDirectory(temp.resolve("empty"))))
                .isEqualTo(ModelFormat.UNKNOWN);
    }

    @Test
    void shouldSeeAPlainModelWhenAStateLiesThereByChance() throws IOException {
        Folders.hf(folder);
        Files.createDirectories(folder.resolve("dylo_moe_state"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);

        Files.move(folder.resolve("dylo_moe_state"), temp.resolve("dylo_moe_state"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);

        Files.createDirectories(folder.resolve("peft_adapters"));
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.DYLORA_BASE_CONFIG);
        Files.delete(folder.resolve("peft_adapters"));
        Folders.write(folder, "config.json", "{}");
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.DYLORA_BASE_CONFIG);
    }

    @Test
    void shouldSeeAPlainModelWhenOnlyTheWeightsAreWrapped() throws IOException {
        Folders.model(folder, Folders.CONFIG, Safetensors.llama(2, "foundation_model."));

        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);
    }

    @Test
    void shouldKnowGgufWhenItIsAFileOrAloneInAFolder() throws IOException {
        Folders.write(folder, "model-Q4_K_M.gguf", "GGUF");

        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.GGUF);
        assertThat(ModelFormat.detect(folder.resolve("model-Q4_K_M.gguf"))).isEqualTo(ModelFormat.GGUF);

        Folders.hf(folder);
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);
    }

    @Test
    void shouldStillHaveAFormatWhenTheFolderIsDamaged() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", "{");
        Folders.write(folder, "model.safetensors", "");
        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.HF);

        Folders.write(temp.resolve("adapter"), "adapter_config.json", "");
        assertThat(ModelFormat.detect(temp.resolve("adapter"))).isEqualTo(ModelFormat.PEFT_ADAPTER);
    }

    @Test
    void shouldFindNothingWhenThereIsNoFolder() throws IOException {
        Folders.write(folder, "readme.md", "");

        assertThat(ModelFormat.detect(folder)).isEqualTo(ModelFormat.UNKNOWN);
        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> ModelFormat.detect(folder.resolve("none")))
                .withMessageContaining("There is no model folder at ");
        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> ModelFormat.detect(folder.resolve("readme.md")))
                .withMessageContaining("is not a folder");
    }

    @Test
    void shouldHaveStableNames() {
        assertThat(ModelFormat.values())
                .extracting(ModelFormat::id)
                .containsExactly(
                        "hf",
                        "mlx",
                        "mlx_quantized",
                        "peft_adapter",
                        "mlx_adapter",
                        "dylora_wrapped",
                        "dylora_base_config",
                        "dylora_separated",
                        "dylora_checkpoint",
                        "gguf",
                        "unknown");
        assertThat(ModelFormat.MLX_QUANTIZED.label()).isEqualTo("MLX model, quantized");
    }
}
