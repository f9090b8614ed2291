package io.github.mlx4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.adapter.Dtype;
import io.github.mlx4j.evaluation.ToyModel;
import io.github.mlx4j.training.ConversionConfig;
import io.github.mlx4j.training.ConversionListener;
import io.github.mlx4j.training.ConversionReport;
import io.github.mlx4j.training.FusionConfig;
import io.github.mlx4j.training.Quantization;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ConvertCommandTest {

    private static final ConversionConfig PLAIN = ConversionConfig.of("m", Path.of("new"));

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<ConversionConfig> asked = new ArrayList<>();
    private final List<FusionConfig> fused = new ArrayList<>();
    private final List<OpenModel.Source> opened = new ArrayList<>();
    private Path prompts = Path.of("none");
    private boolean bent;

    @BeforeEach
    void writePrompts(@TempDir Path folder) throws IOException {
        prompts = Files.writeString(folder.resolve("prompts"), "abc\nd");
    }

    @Test
    void shouldAskForWhatTheOptionsSay() {
        run("");
        run("--bits 8 --group-size 32 --dtype float16");
        run("--mode mxfp4");
        run("--group-size 128 --recipe mixed_3_6");
        run("--dequantize --revision v1");

        assertThat(asked)
                .containsExactly(
                        PLAIN,
                        PLAIN.withQuantization(new Quantization(8, 32, Quantization.Mode.AFFINE))
                                .withDtype(Dtype.FLOAT16),
                        PLAIN.withQuantization(new Quantization(4, 32, Quantization.Mode.MXFP4)),
                        PLAIN.withRecipe(ConversionConfig.Recipe.MIXED_3_6, 128),
                        PLAIN.withDequantize(true).withRevision("v1"));
    }

    @ParameterizedTest
    @CsvSource({
        "--group-size 64, 2",
        "--verify-with mlx, 2",
        "--verify-with hf --revision v1, 2",
        "--prompts none, 2",
        "--mode int4, 2",
        "--bits 7, 1",
        "--bits 4 --recipe mixed_3_6, 1",
        "--bits 4 --dequantize, 1"
    })
    void shouldConvertNothingWhenTheOptionsAreWrong(String options, int code) {
        assertThat(run(options)).isEqualTo(code);

        assertThat(asked).isEmpty();
        assertThat(err.toString()).isNotEmpty();
    }

    @Test
    void shouldSayWhatIsThereAndHowFarItIsFromItsSource() {
        assertThat(run("--bits 8")).isZero();

        assertThat(out.toString().lines())
                .contains(
                        "new  float32, 8.50 bits a weight, 1.0 MB (its source 4.0 MB)",
                        "not quantized  lm_head: too narrow",
                        "weights  3 tensors read again, each as it was to be written",
                        "logits   max difference 5.00e-01, mean 2.50e-01, mean divergence 1.25e-01 nats; the likeliest"
                                + " token agrees at 1 of 2 places",
                        "greedy   3 of 4 tokens as the source, on 1 prompts",
                        "warning  look out");
        assertThat(err.toString().lines()).containsExactly("load …", "write …");
    }

    @Test
    void shouldPrintOneObjectWhenAskedForJson() throws IOException {
        assertThat(run("--bits 8 --json --verify-with hf")).isZero();

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.at("/conversion/quantization/mode").textValue()).isEqualTo("affine");
        assertThat(json.at("/conversion/verification/weights").textValue()).isEqualTo("quantized");
        assertThat(json.at("/hf/passed").booleanValue()).isTrue();
    }

    @Test
    void shouldCompareTheSourceOnTransformersWithTheResultOnMlx() {
        assertThat(run("--dtype float32 --verify-with hf")).isZero();

        assertThat(opened)
                .extracting(source -> source.model() + " " + source.engine() + " "
                        + source.making().dtype())
                .containsExactly("m HF FLOAT32", "new MLX null");
        assertThat(out.toString()).contains("hf       max difference 0.00e+00").doesNotContain("not judged");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--bits 8"})
    void shouldFailForADifferenceFromTransformersOnlyWhereItMustNotBe(String options) {
        bent = true;

        assertThat(run(options + " --verify-with hf")).isEqualTo(options.isEmpty() ? 1 : 0);
        assertThat(out.toString()).contains(options.isEmpty() ? "FAILED   logits" : "not judged");
    }

    @Test
    void shouldAskForTheFusionThatTheOptionsSay() {
        assertThat(execute("fuse", "--adapter", "a", "--dequantize", "--json")).isZero();
        assertThat(execute("fuse", "--expert", "law", "--base", "b")).isZero();

        FusionConfig plain = FusionConfig.of("m", Path.of("new"));
        assertThat(fused)
                .containsExactly(
                        plain.withAdapter(Path.of("a")).withDequantize(true),
                        plain.withExpert("law").withBase("b"));
        assertThat(out.toString()).contains("\"bitsPerWeight\" : 8.5").contains("greedy   3 of 4");
    }

    private int run(String options) {
        List<String> all = new ArrayList<>(List.of(options.strip().split(" ")));
        all.removeIf(String::isEmpty);
        if (all.contains("--verify-with")) {
            all.addAll(List.of("--prompts", prompts.toString()));
        }
        return execute("convert", all.toArray(String[]::new));
    }

    private int execute(String command, String... options) {
        List<String> all = new ArrayList<>(List.of(command, "m", "--output", "new"));
        all.addAll(List.of(options));
        Callable<Integer> ours =
                command.equals("convert") ? new ConvertCommand(this::convert, this::open) : new FuseCommand(this::fuse);
        CommandLine main = Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true));
        main.getCommandSpec().removeSubcommand(command);
        main.addSubcommand(ours);
        return main.setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(main.getExecutionExceptionHandler())
                .execute(all.toArray(String[]::new));
    }

    private ConversionReport convert(ConversionConfig config, ConversionListener listener) {
        asked.add(config);
        return report(config.quantization(), listener);
    }

    private ConversionReport fuse(FusionConfig config, ConversionListener listener) {
        fused.add(config);
        return report(null, listener);
    }

    private static ConversionReport report(@Nullable Quantization quantization, ConversionListener listener) {
        listener.onProgress("load", 0, 1, "models");
        listener.onProgress("write", 0, 100, "bytes");
        listener.onProgress("write", 50, 100, "bytes");
        return new ConversionReport(
                "new",
                "m",
                null,
                null,
                "float32",
                quantization,
                1_000_000,
                4_000_000,
                3,
                8.5,
                List.of(new ConversionReport.Unquantized("lm_head", "too narrow")),
                new ConversionReport.Proof(
                        1,
                        2,
                        0.5,
                        0.25,
                        0.125,
                        1,
                        4,
                        3,
                        ConversionReport.Change.QUANTIZED,
                        new ConversionReport.Bound("meanDivergence", 3.5),
                        0.0),
                List.of("look out"));
    }

    private OpenModel open(OpenModel.Source source) {
        opened.add(source);
        ToyModel toy = new ToyModel();
        if (bent && source.model().equals("new")) {
            toy = toy.bending(logits -> {
                logits[8] += 10;
                return logits;
            });
        }
        return new OpenModel(toy.side(source.name()), () -> {});
    }
}
