package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.remote.FakeServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests without an available worker; {@code CliIT} uses real ones. */
@Timeout(60)
class BenchCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    @BeforeEach
    void nameInterpretersThatAreNotThere() {
        System.setProperty("MLX4J_HF_PYTHON", folder.resolve("nowhere").toString());
        System.setProperty("MLX4J_MLX_PYTHON", folder.resolve("nowhere").toString());
        System.setProperty("MLX4J_ALLOW_ANY_PLATFORM", "true");
        System.setProperty("OLLAMA_BASE_URL", "http://127.0.0.1:1");
    }

    @AfterEach
    void forgetThem() {
        System.clearProperty("MLX4J_HF_PYTHON");
        System.clearProperty("MLX4J_MLX_PYTHON");
        System.clearProperty("MLX4J_ALLOW_ANY_PLATFORM");
        System.clearProperty("OLLAMA_BASE_URL");
    }

    @Test
    void shouldSayOfEachWhyItIsNotMeasured() throws IOException {
        Path page = folder.resolve("bench.md");

        assertThat(run("--model", "m", "--ollama-model", "o", "--output", page.toString()))
                .isEqualTo(3);

        assertThat(out.toString())
                .contains("Not measured:")
                .containsPattern("- mlx: .*There is no Python interpreter at .*nowhere")
                .containsPattern("- hf: .*There is no Python interpreter at .*nowhere")
                .containsPattern("- ollama: OLLAMA_NOT_AVAILABLE: .*127\\.0\\.0\\.1:1");
        assertThat(page).hasContent(out.toString());
        assertThat(err.toString().lines()).contains("run 1 of 3: mlx");
    }

    @Test
    void shouldMeasureOllamaWhereItAnswers() throws IOException {
        try (FakeServer ollama = FakeServer.ollama("Many words")) {
            System.setProperty("OLLAMA_BASE_URL", ollama.url());
            assertThat(run("--provider", "ollama", "--model", "tiny", "--runs", "2", "--json"))
                    .as(out + err.toString())
                    .isZero();
        }

        JsonNode measured = new JsonMapper().readTree(out.toString()).at("/providers/0");
        assertThat(measured.at("/facts/model").textValue()).isEqualTo("tiny");
        assertThat(measured.path("runs")).hasSize(2);
        assertThat(measured.at("/figures/firstTokenMs/min").doubleValue()).isPositive();
        assertThat(measured.at("/figures/loadSeconds").isMissingNode())
                .as("it has no worker")
                .isTrue();
    }

    @Test
    void shouldPrintOneObjectWhenAskedForJson() throws IOException {
        assertThat(run("--provider", "hf", "--json", "--runs", "1")).isEqualTo(3);

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.at("/notMeasured/hf").textValue()).contains("nowhere");
        assertThat(json.at("/providers")).isEmpty();
        assertThat(json.at("/about/machine").textValue()).contains("cores");
        assertThat(json.at("/settings/runs").intValue()).isEqualTo(1);
    }

    @Test
    void shouldRefuseAFileInAModelFolderBeforeAnythingRuns() throws IOException {
        Path inside = Files.createDirectory(folder.resolve("notes")).resolve("bench.md");

        assertThat(run("--model", folder.toString(), "--output", inside.toString()))
                .isEqualTo(1);

        assertThat(err.toString()).startsWith("mlx4j: INVALID_CONFIGURATION: ").contains("inside the model folder");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void shouldRefuseAFileInAFolderThatIsNotThere() {
        assertThat(run("--output", folder.resolve("none/bench.md").toString())).isEqualTo(1);

        assertThat(err.toString()).contains("Specify a file in an existing folder.");
    }

    private int run(String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "bench";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(all);
    }
}
