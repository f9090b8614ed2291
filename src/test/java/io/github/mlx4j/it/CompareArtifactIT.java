package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests {@code mlx4j compare} with W&amp;B artifacts as the trainer of DyLoRA-MoE uploads them, and with the real
 * workers. A stub of the {@code wandb} package replaces the service.
 */
@EnabledOnOs(OS.LINUX) // code tasks run
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class CompareArtifactIT {

    private static final String STUB = """
            import shutil

            class Artifact:
                version = "v3"

                def download(self, root=None, **options):
                    shutil.copytree("%s", root)
                    return root

            class Api:
                def artifact(self, name, type=None):
                    assert name == "team/dylora/best:latest", name
                    return Artifact()
            """;

    @TempDir
    private Path folder;

    private Path home;
    private Path uploaded;
    private Path out;

    @BeforeEach
    void makeFolders() throws IOException {
        home = Files.createDirectory(folder.resolve("home"));
        Files.createSymbolicLink(home.resolve("envs"), Fixture.HOME.resolve("envs"));
        uploaded = folder.resolve("uploaded");
        out = folder.resolve("out");
    }

    @Test
    void shouldCompareAnArtifactWithTheRouterBesideBestModel() throws Exception {
        copy(MadeModels.of("dylora-a").getParent(), uploaded);
        assertThat(uploaded)
                .isDirectoryContaining("glob:**/best_model")
                .isDirectoryContaining("glob:**/dylo_moe_state");
        Files.writeString(uploaded.resolve("config.json"), "{\"learning_rate\": 0.001}");

        CliIT.Run run = compare(Map.of(), "--max_samples", "2", "--allow-code");

        assertThat(run.exit()).as(run.err()).isZero();
        Path model = home.resolve("artifacts/team/dylora/best/v3/best_model");
        assertThat(run.err())
                .contains(
                        "compare: the base model is " + Fixture.MODEL.toRealPath()
                                + " (config.json: base_model_name_or_path of the trained model)",
                        "compare: both models run on hf because mlx does not load " + model + ": ",
                        "base: hf on cpu",
                        "trained: hf on cpu");
        assertThat(run.json().at("/settings/trained").asText()).isEqualTo(model.toString());
        assertThat(run.json().at("/settings/backend").asText()).isEqualTo("hf");
        assertThat(run.json().path("notRun").asInt()).isZero();
        assertThat(run.json().at("/base/judged").asInt()).isEqualTo(2);
        assertThat(run.json().at("/trained/judged").asInt()).isEqualTo(2);
        assertThat(run.json().at("/trained/errors").asInt()).isZero();
        assertThat(Files.readString(out.resolve("results.jsonl")))
                .contains("\"task\":\"code-parse-duration\"", "\"failure\":\"parse_duration(");
    }

    @Test
    void shouldCompareAnArtifactWithTheRouterInBestModel() throws Exception {
        copy(MadeModels.of("dylora-c"), uploaded.resolve("best_model"));
        assertThat(uploaded.resolve("best_model")).isDirectoryContaining("glob:**/dylo_moe_state");

        CliIT.Run refused = compare(Map.of(), "--max_samples", "2");

        assertThat(refused.exit()).isEqualTo(1);
        assertThat(refused.err())
                .contains("mlx4j: UNSAFE_MODEL: ", "MLX4J_ALLOW_PICKLES")
                .doesNotContain("base: ");
        assertThat(out).doesNotExist();

        CliIT.Run run = compare(Map.of("MLX4J_ALLOW_PICKLES", "true"), "--max_samples", "2");

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.err()).contains("compare: 1 tasks with Python code are skipped without --allow-code");
        assertThat(run.json().at("/settings/backend").asText()).isEqualTo("hf");
        assertThat(run.json().path("notRun").asInt()).isEqualTo(1);
        assertThat(run.json().at("/trained/judged").asInt()).isEqualTo(1);
    }

    @Test
    void shouldRunAnExpertOnMlxWithTheTrainedModelAlone() throws Exception {
        CliIT.Run run = CliIT.mlx4j(
                Map.of(),
                "compare",
                "--trained_model",
                MadeModels.of("dylora-d").toString(),
                "--expert",
                "expert_1",
                "--max_samples",
                "1",
                "--out",
                out.toString(),
                "--json");

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.json().at("/settings/backend").asText()).isEqualTo("mlx");
        assertThat(run.json().at("/trained/judged").asInt()).isEqualTo(1);
    }

    private CliIT.Run compare(Map<String, String> more, String... arguments) throws Exception {
        Path artifact = home.resolve("artifacts/team/dylora/best/v3");
        if (Files.exists(artifact)) {
            delete(artifact); // the stub copies it again
        }
        Map<String, String> environment = new HashMap<>(Map.of("MLX4J_HOME", home.toString()));
        environment.putAll(more);
        List<String> command = Stream.concat(
                        Stream.of(
                                "compare",
                                "--wandb_artifact",
                                "team/dylora/best:latest",
                                "--wandb_python",
                                python().toString(),
                                "--out",
                                out.toString(),
                                "--json"),
                        Stream.of(arguments))
                .toList();
        return CliIT.mlx4j(environment, command.toArray(String[]::new));
    }

    /** A Python with the stub, in an environment of its own. */
    private Path python() throws Exception {
        Path environment = folder.resolve("wandb");
        if (!Files.exists(environment)) {
            assertThat(new ProcessBuilder(
                                    Fixture.python(ProviderKind.HF).toString(),
                                    "-m",
                                    "venv",
                                    "--without-pip",
                                    environment.toString())
                            .inheritIO()
                            .start()
                            .waitFor())
                    .isZero();
            try (Stream<Path> found = Files.find(environment, 4, (path, is) -> path.endsWith("site-packages"))) {
                Path wandb =
                        Files.createDirectory(found.findFirst().orElseThrow().resolve("wandb"));
                Files.writeString(wandb.resolve("__init__.py"), STUB.formatted(uploaded));
            }
        }
        return environment.resolve("bin/python");
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }
}
