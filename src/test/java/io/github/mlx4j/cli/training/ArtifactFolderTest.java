package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArtifactFolderTest {

    @TempDir
    private Path artifact;

    @ParameterizedTest
    @ValueSource(strings = {"best_model", "run-7/best_model"})
    void shouldTakeBestModelWhateverIsBesideIt(String best) throws IOException {
        write("config.json"); // such as that of the training
        write("checkpoint-100/config.json");
        write(best + "/config.json");
        write(best + "/dylo_moe_state/router.pt");
        write("dylo_moe_state/router.pt");

        assertThat(model()).isEqualTo(artifact.resolve(best));
    }

    @Test
    void shouldTakeTheRootWhenItIsTheModel() throws IOException {
        write("config.json");
        write("peft_adapters/expert_0/adapter_config.json");
        write("checkpoint-100/config.json");

        assertThat(model()).isEqualTo(artifact);
    }

    @Test
    void shouldNotTakeAnotherModelWhenBestModelHoldsNone() throws IOException {
        write("best_model/upload.log");
        write("other/config.json");

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(this::model)
                .withMessageContaining("best_model in the artifact e/p/n:v3")
                .withMessageContaining("is not a model folder. It contains: upload.log.");
    }

    @Test
    void shouldTakeTheOnlyModelFolder() throws IOException {
        write("README.md");
        write("out/final/adapter_config.json");
        write("dylo_moe_state/router.pt");

        assertThat(model()).isEqualTo(artifact.resolve("out/final"));
    }

    @Test
    void shouldListTheFoldersWhenThereAreSeveral() throws IOException {
        write("checkpoint-100/config.json");
        write("checkpoint-200/config.json");

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(this::model)
                .withMessage(
                        "The artifact e/p/n:v3, in " + artifact + ", contains several model folders: checkpoint-100/,"
                                + " checkpoint-200/. What to do: Specify one of them with --trained-model.");
        write("a/best_model/config.json");
        write("b/best_model/config.json");
        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(this::model)
                .withMessageContaining("several model folders: a/best_model/, b/best_model/.");
    }

    @Test
    void shouldListWhatIsThereWhenThereIsNoModel() throws IOException {
        write("logs/train.log");
        write("dylo_moe_state/router.pt");
        write("metrics.json");

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(this::model)
                .withMessageContaining("contains no model folder. It contains: dylo_moe_state/, logs/, metrics.json.");
    }

    @Test
    void shouldNotFollowLinksOutOfTheArtifact() throws IOException {
        Path elsewhere = Files.createDirectory(artifact.resolve("elsewhere"));
        Files.writeString(elsewhere.resolve("config.json"), "{}");
        Path inner = Files.createDirectory(artifact.resolve("inner"));
        Files.createSymbolicLink(inner.resolve("best_model"), elsewhere);

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> ArtifactFolder.model(inner, "e/p/n:v3"))
                .withMessageContaining("It contains: best_model.");
    }

    private Path model() {
        return ArtifactFolder.model(artifact, "e/p/n:v3");
    }

    private void write(String name) throws IOException {
        Path file = artifact.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "{}");
    }
}
