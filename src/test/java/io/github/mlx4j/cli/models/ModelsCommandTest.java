package io.github.mlx4j.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.model.registry.ModelRegistry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the commands that need no hub; {@code HubIT} tests the others. */
class ModelsCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path home;

    @BeforeEach
    void takeAnEmptyHome() {
        System.setProperty("MLX4J_HOME", home.toString());
    }

    @AfterEach
    void giveItBack() {
        System.clearProperty("MLX4J_HOME");
    }

    @Test
    void shouldListEveryModelInALine() {
        assertThat(run("models", "list")).isZero();

        assertThat(out.toString().lines())
                .hasSize(1 + ModelRegistry.builtIn().models().size());
        assertThat(out.toString())
                .containsPattern("mlx-community/Phi-3-mini-4k-instruct-4bit +3\\.82B +4 bits +3\\.8 GB +mit ");
    }

    @Test
    void shouldListAsJsonWhatTheUsersFileAdds() throws IOException {
        Files.writeString(
                home.resolve("models.json"),
                "{\"models\": [{\"id\": \"me/mine\", \"provider\": \"mlx\", \"parameters\": 1000, \"contextLength\": 64,"
                        + " \"architecture\": {\"layers\": 1, \"hiddenSize\": 8, \"heads\": 2, \"keyValueHeads\": 1, \"headSize\": 4}}]}");

        assertThat(run("models", "list", "--json")).isZero();

        JsonNode models = new JsonMapper().readTree(out.toString()).path("models");
        assertThat(models).hasSize(ModelRegistry.builtIn().models().size() + 1);
        JsonNode mine = models.get(models.size() - 1);
        assertThat(mine.path("id").textValue()).isEqualTo("me/mine");
        assertThat(mine.at("/memory/bytes").longValue()).isEqualTo(2000 + 2 * 4 * 2 * 64);
        assertThat(mine.path("verified").isNull()).isTrue();
    }

    @Test
    void shouldFailWithFileAndFieldWhenTheUsersFileIsWrong() throws IOException {
        Path file = Files.writeString(home.resolve("models.json"), "{\"models\": 7}");

        assertThat(run("models", "list")).isEqualTo(1);
        assertThat(err.toString()).contains("INVALID_CONFIGURATION", file.toString(), "models: ");
    }

    @Test
    void shouldShowTheArithmeticByAliasToo() {
        assertThat(run("models", "show", "mlx-community/phi-3-mini-4k-instruct"))
                .isZero();

        assertThat(out.toString())
                .startsWith("mlx-community/Phi-3-mini-4k-instruct-4bit (Phi-3)")
                .contains("for hf", "microsoft/Phi-3-mini-4k-instruct")
                .contains("existence not checked")
                .contains("weights 2.1 GB (3,821,079,552 parameters × 4.5 bits) + KV cache 1.6 GB (4096 tokens × ")
                .contains(" = 3.8 GB");
    }

    @Test
    void shouldFailWhenAModelIsNotListed() {
        assertThat(run("models", "show", "org/other")).isEqualTo(1);
        assertThat(err.toString()).contains("MODEL_NOT_FOUND", "org/other is not in the registry");
    }

    @ParameterizedTest
    @CsvSource({
        "decomposer, 16GB, mlx-community/Qwen3-8B-4bit",
        "decomposer, 4GB, mlx-community/Qwen3-4B-4bit",
        "router, 1GiB, mlx-community/Llama-3.2-1B-Instruct-4bit",
    })
    void shouldPickTheLargestThatFits(String role, String memory, String id) {
        assertThat(run("models", "pick", "--role", role, "--memory", memory)).isZero();

        assertThat(out.toString()).startsWith(role + ": " + id + System.lineSeparator());
        assertThat(out.toString()).contains(id + ": picked");
    }

    @Test
    void shouldSayWhyTheOthersDoNotFit() throws IOException {
        assertThat(run("models", "pick", "--role", "decomposer", "--memory", "4GB", "--json"))
                .isZero();

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("availableBytes").longValue()).isEqualTo(4_000_000_000L);
        assertThat(json.path("candidates").get(0).path("id").textValue()).isEqualTo("mlx-community/Qwen3-8B-4bit");
        assertThat(json.path("candidates").get(0).path("fits").booleanValue()).isFalse();
        assertThat(json.path("candidates").get(0).path("whyNot").textValue())
                .isEqualTo("takes 5.2 GB, 1.2 GB too much");
    }

    @Test
    void shouldFailWhenNothingFits() {
        assertThat(run("models", "pick", "--role", "tester", "--memory", "1MB")).isEqualTo(1);
        assertThat(out.toString()).startsWith("tester: no model in the registry fits");
    }

    @ParameterizedTest
    @ValueSource(strings = {"16", "GB", "-1GB", "16TB", "1,5GB"})
    void shouldRefuseWhatIsNoAmountOfMemory(String memory) {
        assertThat(run("models", "pick", "--memory", memory)).isEqualTo(2);
        assertThat(err.toString()).contains("is not a size");
    }

    @Test
    void shouldShowTheUsageWithoutASubcommand() {
        assertThat(run("models")).isZero();
        assertThat(out.toString()).contains("list", "show", "pick", "pull", "rm", "verify");
    }

    private int run(String... arguments) {
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(arguments);
    }
}
