package io.github.mlx4j.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.compare.ToyModel;
import io.github.mlx4j.error.ModelLoadException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class VerifyCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<OpenModel.Source> opened = new ArrayList<>();
    private int closed;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "m | m MLX null | m HF null",
                "m --backend-a hf --backend-b mlx | m HF null | m MLX null",
                "m --adapter-a x | m MLX x | m HF x",
                "m --adapter-b y --backend-b mlx | m MLX null | m MLX y",
                "m n | m MLX null | n MLX null",
                "m n --adapter-a x --backend-b HF | m MLX x | n HF null"
            })
    void shouldOpenBothWhenGivenThese(String arguments, String a, String b) throws IOException {
        assertThat(run(arguments)).as(err.toString()).isZero();

        assertThat(opened)
                .extracting(source -> source.model() + " " + source.engine() + " "
                        + source.options().adapter())
                .containsExactly(a, b);
        assertThat(closed).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "m | null null | null null",
                "m --expert-a law --dtype float32 | law FLOAT32 | law FLOAT32",
                "m --expert-a law --expert-b tax --backend-b mlx | law null | tax null",
                "m n --expert-a law --dtype BFLOAT16 | law BFLOAT16 | null BFLOAT16",
                "m n --expert-b tax | null null | tax null"
            })
    void shouldMakeOfBothWhatIsAskedFor(String arguments, String a, String b) throws IOException {
        assertThat(run(arguments)).as(err.toString()).isZero();

        assertThat(opened)
                .extracting(OpenModel.Source::options)
                .allMatch(options -> options.base() == null)
                .extracting(options -> options.expert() + " " + options.dtype())
                .containsExactly(a, b);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "m n o",
                "m --backend-b mlx",
                "m --backend-a hf",
                "m --backend-a ollama",
                "m --backend-b mlx --expert-a law",
                "m --dtype int8",
                "m --tolerance some",
                "m --max-tokens many"
            })
    void shouldExitWithTwoWhenTheUsageIsWrong(String arguments) throws IOException {
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldPrintATableWhenTheyGiveTheSame() throws IOException {
        assertThat(run("m n")).isZero();

        assertThat(out.toString().lines())
                .contains(
                        "A  /models/toy (mlx on cpu, float32)",
                        "  1       3          0       3/3      same  abc",
                        "logits   max difference 0, mean 0, tolerance 1.00e-04; the most probable token agrees at 4 of 4"
                                + " positions",
                        "greedy   2 of 2 prompts agree, up to 32 tokens each",
                        "passed");
        assertThat(err.toString().lines()).hasSize(2).allMatch(line -> line.matches("[12]/2 prompts.*"));
    }

    @Test
    void shouldExitWithOneAndSayWhereWhenTheyDiffer() throws IOException {
        assertThat(run("m bent --max-tokens 4")).isEqualTo(1);

        assertThat(out.toString().lines())
                .contains(
                        "  1       3   1.00e+01       0/3   differs  abc",
                        "      logits: differ by 10.0 after the 1st token, which is more than 0.000100 of their range of 7.00",
                        "      greedy: tokens differ from the 1st on",
                        "      different most probable tokens after token 1, 2, 3",
                        "      greedy token 1: 3 and the end; the most probable token leads by 1.00e+00 and 5.00e+00",
                        "FAILED   logits: 2 of 2 prompts differ; greedy: 2 of 2 prompts differ");
    }

    @Test
    void shouldPrintOneObjectWhenAskedForJson() throws IOException {
        assertThat(run("m bent --json")).isEqualTo(1);

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("passed").booleanValue()).isFalse();
        assertThat(json.path("maxDifference").doubleValue()).isEqualTo(10);
        assertThat(json.at("/prompts/0/greedy/divergence/tokenA").intValue()).isEqualTo(3);
    }

    @Test
    void shouldOpenNothingWhenTheFileOfPromptsIsBad() throws IOException {
        assertThat(run("m n --prompts " + folder.resolve("nosuch"))).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: INVALID_REQUEST: ").contains("can't be read");
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldCloseTheFirstWhenTheSecondCanNotBeOpened() throws IOException {
        assertThat(run("m broken")).isEqualTo(1);
        assertThat(closed).isEqualTo(1);
    }

    private int run(String arguments) throws IOException {
        List<String> all =
                new ArrayList<>(List.of(("verify " + arguments).strip().split(" ")));
        if (!all.contains("--prompts")) {
            all.addAll(List.of(
                    "--prompts",
                    Files.writeString(folder.resolve("p"), "abc\nd").toString()));
        }
        return commandLine().execute(all.toArray(String[]::new));
    }

    private CommandLine commandLine() {
        CommandLine main = Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true));
        main.getCommandSpec().removeSubcommand("verify");
        main.addSubcommand(new VerifyCommand(this::open));
        return main.setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(main.getExecutionExceptionHandler());
    }

    private OpenModel open(OpenModel.Source source) {
        opened.add(source);
        if (source.model().equals("broken")) {
            throw new ModelLoadException("It is broken.", "");
        }
        ToyModel toy = new ToyModel();
        if (source.model().equals("bent")) {
            toy = toy.bending(logits -> {
                logits[8] += 10;
                return logits;
            });
        }
        return new OpenModel(toy.side(source.name()), () -> closed++);
    }
}
