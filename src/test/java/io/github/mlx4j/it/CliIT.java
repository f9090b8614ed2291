package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.JavaCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs the cli jar in a separate JVM, as a user does. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class CliIT {

    private static final String ASK = "Who are you?";

    record Run(int exit, String out, String err) {
        JsonNode json() throws IOException {
            return new JsonMapper().readTree(out);
        }
    }

    @Test
    void shouldStreamAnAnswer() throws Exception {
        Run run = mlx4j(Map.of(), "generate", ASK);
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo(Fixture.known(ASK).text() + "\n");
        assertThat(run.err()).isEmpty();
    }

    @Test
    void shouldPrintOneJsonObject() throws Exception {
        Run run = mlx4j(
                Map.of(),
                "generate",
                "--json",
                "--provider",
                "hf",
                "--temperature",
                "0.8",
                "--top-p",
                "0.9",
                "--seed",
                "7",
                "--max-tokens",
                "12",
                "--stop",
                "nowhere",
                "--system",
                "Be brief",
                ASK);
        assertThat(run.exit()).as(run.err()).isZero();
        JsonNode json = run.json();
        assertThat(json.at("/backend/provider").asText()).isEqualTo("hf");
        assertThat(json.at("/usage/completionTokens").asInt()).isBetween(1, 12);
        assertThat(json.at("/timings/firstTokenMs").asDouble()).isPositive();
        assertThat(json.at("/text").asText()).isNotEmpty();
    }

    @Test
    void shouldSpeakUtf8WhateverTheLocale() throws Exception {
        for (String question : List.of("Answer with emoji: family", "Greet the world in Hindi")) {
            Map<String, String> locale = Map.of("LC_ALL", "C", "JAVA_TOOL_OPTIONS", "-Dfile.encoding=ISO-8859-1");
            Run run = mlx4j(locale, "generate", question);
            assertThat(run.out())
                    .as(run.err())
                    .isEqualTo(Fixture.known(question).text() + "\n");
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX) // macOS uses UTF-8 in any locale
    void shouldRefuseAPromptWhoseLettersTheLocaleDoesNotHave() throws Exception {
        List<String> quoted =
                JavaCommand.of("-jar", jar()).stream().map("'%s'"::formatted).toList();
        String script = "exec %s generate \"$(printf 'h\\303\\251llo')\"".formatted(String.join(" ", quoted));
        Program run = Program.run(Map.of("LC_ALL", "POSIX"), List.of("sh", "-c", script)); // é, whatever this locale is
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("Set LC_ALL=C.UTF-8");
    }

    @Test
    void shouldContinueARawPrompt() throws Exception {
        Run run = mlx4j(
                Map.of(), "generate", "--raw", "<|im_start|>user\n" + ASK + "<|im_end|>\n<|im_start|>assistant\n");
        assertThat(run.out()).as(run.err()).isEqualTo(Fixture.known(ASK).text() + "\n");
    }

    @Test
    void shouldFailWithTheCodeOfTheError() throws Exception {
        Run run = mlx4j(Map.of("MLX_MODEL", "/nonexistent/model"), "generate", ASK);
        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err())
                .contains("MODEL_NOT_FOUND")
                .contains("/nonexistent/model")
                .contains("What to do:");
    }

    @Test
    void shouldShowTheTracebackOfABrokenFolderWhenVerbose(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\"}");
        Files.write(folder.resolve("model.safetensors"), new byte[] {1, 2, 3});

        Run brief = mlx4j(Map.of(), "generate", "--provider", "hf", "--model", folder.toString(), ASK);
        Run verbose = mlx4j(Map.of(), "generate", "-v", "--provider", "hf", "--model", folder.toString(), ASK);

        assertThat(brief.exit()).isEqualTo(1);
        assertThat(brief.err()).startsWith("mlx4j: ").hasLineCount(1).doesNotContain("Traceback");
        assertThat(verbose.err())
                .startsWith(brief.err())
                .contains("Traceback (most recent call last):", "mlx4j_worker/hf/loading.py");
    }

    @Test
    void shouldLogWhenVeryVerbose() throws Exception {
        Run run = mlx4j(Map.of(), "-vv", "generate", ASK);

        assertThat(run.exit()).isZero();
        assertThat(run.out()).isEqualTo(Fixture.known(ASK).text() + "\n");
        assertThat(run.err()).contains("DEBUG", "started: pid");
    }

    @Test
    void shouldReportWhatIsAvailable() throws Exception {
        Run run = mlx4j(Map.of(), "doctor", "--json");
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.json().at("/providers/0/available").asBoolean()).isTrue();
        assertThat(run.json().at("/providers/0/versions/mlx-lm").asText()).isNotEmpty();
        assertThat(run.json().at("/selection/provider").asText()).isEqualTo("mlx");
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "expects the message for other systems than macOS")
    void shouldSayWhyMlxIsNotAvailableOnLinuxAndNameTheOverride() throws Exception {
        Run run = mlx4j(Map.of("MLX4J_ALLOW_ANY_PLATFORM", "false"), "doctor");
        assertThat(run.out())
                .contains("mlx: not available (NOT_MACOS)")
                .contains("made for macOS")
                .contains("MLX4J_ALLOW_ANY_PLATFORM=true")
                .contains("hf: available");
    }

    @Test
    void shouldFindItsEnvironmentsWholeWithoutMakingThemAgain() throws Exception {
        Run run = mlx4j(Map.of(), "setup", "all");
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out())
                .isEqualTo("mlx: ready at %s%nhf: ready at %s%n"
                        .formatted(Fixture.HOME.resolve("envs/mlx"), Fixture.HOME.resolve("envs/hf")));
        assertThat(run.err()).isEmpty();
    }

    @Test
    void shouldProveThatBothEnginesGiveTheSame() throws Exception {
        String most = Double.toString(Tolerance.of(1e-4));
        Run run = mlx4j(Map.of(), "verify", Fixture.MODEL.toString(), "--tolerance", most, "--json");
        assertThat(run.exit()).as(run.out() + run.err()).isZero();
        assertThat(run.json().path("passed").asBoolean()).isTrue();
        assertThat(run.json().at("/a/backend").asText()).isEqualTo("mlx");
        assertThat(run.json().at("/b/backend").asText()).isEqualTo("hf");
        assertThat(run.json().path("maxDifference").asDouble()).isPositive();
        assertThat(run.json().path("prompts")).hasSize(10);
    }

    @Test
    void shouldCompareAModelWithItself(@TempDir Path folder) throws Exception {
        Path tasks = Files.writeString(
                folder.resolve("tasks.jsonl"),
                new JsonMapper()
                                .writeValueAsString(Map.of(
                                        "messages",
                                        List.of(Map.of("role", "user", "content", ASK)),
                                        "expected",
                                        Fixture.known(ASK).text()))
                        + "\n{\"prompt\": \"Nothing like this\", \"expected\": \"42\", \"max_tokens\": 4}\n");
        String model = Fixture.MODEL.toString();
        String[] command = {
            "compare",
            "--base",
            model,
            "--trained",
            model,
            "--tasks",
            tasks.toString(),
            "--out",
            folder + "/out",
            "--json"
        };

        Run run = mlx4j(Map.of(), command);

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.json().path("outcomes"))
                .isEqualTo(new JsonMapper()
                        .readTree("{\"both\":1,\"wins\":0,\"losses\":0,\"neither\":1,\"signTest\":1.0}"));
        assertThat(run.json().at("/base/perplexity")).isEqualTo(run.json().at("/trained/perplexity"));
        assertThat(run.json().at("/base/perplexity/mid").asDouble()).isGreaterThan(1);
        assertThat(run.json().at("/base/tokensPerSecond/mid").asDouble()).isPositive();
        Run again = mlx4j(Map.of(), command);
        assertThat(again.out()).isEqualTo(run.out());
        assertThat(again.err()).contains("base: all 2 tasks were already done");
    }

    @Test
    void shouldFailWhenTheTokenLimitCutsAnAnswerWithAFormat() throws Exception {
        Run run = mlx4j(Map.of(), "generate", "--regex", "[a-z]{40}", "--max-tokens", "3", ASK);

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err()).contains("The answer is incomplete").contains("--max-tokens");
        assertThat(run.out()).isNotBlank();
    }

    @Test
    @Timeout(value = 6, unit = TimeUnit.MINUTES) // it reads every file of both environments
    void shouldVerifyAnInstallationStepByStep() throws Exception {
        for (String worker : List.of("mlx", "hf")) {
            Run run = mlx4j(
                    Map.of(), "verify-install", worker, "--model", Fixture.MODEL.toString(), "--run", "true", "--json");
            assertThat(run.exit()).as(run.out() + run.err()).isZero();
            assertThat(run.json().path("passed").asBoolean()).isTrue();
            assertThat(run.json().path("versions").path("llguidance").asText()).isNotEmpty();
            assertThat(run.json().path("steps"))
                    .hasSize(15)
                    .allSatisfy(step -> assertThat(step.path("status").asText()).isEqualTo("passed"));
            assertThat(run.json().at("/steps/13/detail").asText()).matches("([1-9]|10) tokens on the \\w+");
        }
    }

    @Test
    @Timeout(value = 8, unit = TimeUnit.MINUTES) // two engines, each loaded twice and trained
    void shouldMeasureBothEnginesBesideEachOther() throws Exception {
        Run run = mlx4j(
                Map.of(),
                "bench",
                "--model",
                Fixture.MODEL.toString(),
                "--provider",
                "mlx,hf",
                "--prompt-tokens",
                "48",
                "--max-tokens",
                "6",
                "--runs",
                "1",
                "--training",
                "--json");
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.json().path("notMeasured")).isEmpty();
        assertThat(run.json().path("providers"))
                .extracting(provider -> provider.path("name").asText())
                .containsExactly("mlx", "hf");
        for (JsonNode provider : run.json().path("providers")) {
            JsonNode figures = provider.at("/runs/0");
            assertThat(figures)
                    .as(run.out())
                    .hasSizeGreaterThanOrEqualTo(12)
                    .allSatisfy(figure -> assertThat(figure.doubleValue()).isPositive());
            assertThat(figures.path("promptTokens").asInt()).isBetween(40, 48);
            assertThat(figures.path("trainingTokensPerSecond").asDouble()).isPositive();
            assertThat(figures.path("answerTokens").asInt()).isBetween(2, 6);
            assertThat(figures.path("loadSeconds").asDouble())
                    .isGreaterThanOrEqualTo(figures.path("processSeconds").asDouble()
                            + figures.path("packagesSeconds").asDouble()
                            + figures.path("modelSeconds").asDouble());
            assertThat(figures.path("peakMb").asDouble())
                    .isGreaterThanOrEqualTo(figures.path("activeMb").asDouble());
            assertThat(provider.at("/figures/promptTokens/median").asDouble())
                    .isEqualTo(figures.path("promptTokens").asDouble());
        }
        assertThat(run.json().at("/ratios/0/figures/promptTokens/median").asDouble())
                .as("the same model has the same prompt")
                .isEqualTo(1);
        assertThat(run.json().at("/ratios/0/figures/answerTokens/median").asDouble())
                .as("and the same greedy answer")
                .isEqualTo(1);
    }

    @Test
    void shouldTrainAndEvaluate(@TempDir Path folder) throws Exception {
        String data = Path.of("src/test/resources/training").toAbsolutePath().toString();
        String model = Fixture.MODEL.toString();
        Path out = folder.resolve("run");

        Run run = mlx4j(
                Map.of("MLX_ADAPTER_PATH", "/of/a/model/that/answers"),
                ("train --backend hf --learning-rate 2e-3 --steps 3 --json --model %s --data %s --output %s"
                                .formatted(model, data, out))
                        .split(" "));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.json().path("outcome").asText()).isEqualTo("COMPLETED");
        assertThat(run.json().path("steps").asInt()).isEqualTo(3);
        assertThat(run.err()).contains("hf on cpu", "step 3: checkpoint");
        Run trained = mlx4j(
                Map.of(),
                ("evaluate --backend hf --json --model %s --adapter %s --data %s/valid.jsonl"
                                .formatted(model, out.resolve("adapter"), data))
                        .split(" "));
        assertThat(trained.exit()).as(trained.err()).isZero();
        assertThat(trained.json().path("loss").asDouble())
                .isCloseTo(run.json().at("/validations/1/loss").asDouble(), within(Tolerance.of(1e-4)));
        assertThat(trained.json().path("sequences").asInt()).isEqualTo(10);
    }

    static Run mlx4j(Map<String, String> settings, String... arguments) throws Exception {
        List<String> command = JavaCommand.of("-jar", jar());
        command.addAll(List.of(arguments));
        Map<String, String> environment = new HashMap<>(Map.of(
                "MLX4J_HOME", Fixture.HOME.toString(),
                "MLX4J_ALLOW_ANY_PLATFORM", "true",
                "MLX_MODEL", Fixture.MODEL.toString()));
        environment.putAll(settings);
        Program run = Program.run(environment, command);
        return new Run(run.exit(), run.out(), run.err());
    }

    static String jar() throws IOException {
        try (Stream<Path> jars = Files.list(Path.of("target"))) {
            return jars.map(Path::toString)
                    .filter(name -> name.endsWith("-cli.jar"))
                    .findFirst()
                    .orElseThrow();
        }
    }
}
