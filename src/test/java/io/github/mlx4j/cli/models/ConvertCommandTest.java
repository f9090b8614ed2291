package io.github.mlx4j.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.conversion.ConversionConfig;
import io.github.mlx4j.conversion.ConversionListener;
import io.github.mlx4j.conversion.ConversionReport;
import io.github.mlx4j.conversion.FusionConfig;
import io.github.mlx4j.conversion.Quantization;
import io.github.mlx4j.conversion.VerifyWith;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class ConvertCommandTest {

    private static final ConversionReport.Transformers TRANSFORMERS = new ConversionReport.Transformers(
            "float32", 1, 2, 2e-4, 1e-5, 1e-9, 2, new ConversionReport.Bound("relativeDifference", 1e-4), 1e-5);

    private static final ConversionConfig PLAIN =
            ConversionConfig.builder("m", Path.of("new")).build();

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<ConversionConfig> asked = new ArrayList<>();
    private final List<FusionConfig> fused = new ArrayList<>();
    private ConversionReport.@Nullable Transformers transformers;

    @Test
    void shouldAskForWhatTheOptionsSay() {
        run("");
        run("--bits 8 --group-size 32 --dtype float16");
        run("--mode mxfp4");
        run("--group-size 128 --recipe mixed_3_6");
        run("--dequantize --revision v1");
        run("--verify-with hf");
        run("--verify-with none");

        assertThat(asked)
                .containsExactly(
                        PLAIN,
                        PLAIN.toBuilder()
                                .quantization(new Quantization(8, 32, Quantization.Mode.AFFINE))
                                .dtype(Dtype.FLOAT16)
                                .build(),
                        PLAIN.toBuilder()
                                .quantization(new Quantization(4, 32, Quantization.Mode.MXFP4))
                                .build(),
                        PLAIN.toBuilder()
                                .recipe(ConversionConfig.Recipe.MIXED_3_6, 128)
                                .build(),
                        PLAIN.toBuilder().dequantize(true).revision("v1").build(),
                        PLAIN.toBuilder().verifyWith(VerifyWith.HF).build(),
                        PLAIN.toBuilder().verifyWith(VerifyWith.NONE).build());
    }

    @ParameterizedTest
    @CsvSource({
        "--group-size 64, 2",
        "--verify-with mlx, 2",
        "--mode int4, 2",
        "--bits 7, 2",
        "--bits 4 --recipe mixed_3_6, 2",
        "--bits 4 --dequantize, 2"
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
                        "weights  3 tensors read back, all as intended",
                        "logits   max difference 5.00e-01 (5.00e-02 of their range), mean divergence 1.25e-01 nats;"
                                + " the most probable token agrees at 1 of 2 positions",
                        "greedy   3 of 4 tokens match the source, on 1 prompts",
                        "passed   meanDivergence may be at most 3.50e+00",
                        "hf       not compared with transformers: there is none",
                        "warning  look out");
        assertThat(err.toString().lines()).containsExactly("load …", "write …");
    }

    @Test
    void shouldPrintOneObjectWhenAskedForJson() throws IOException {
        assertThat(run("--bits 8 --json")).isZero();

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.at("/quantization/mode").textValue()).isEqualTo("affine");
        assertThat(json.at("/verification/weights").textValue()).isEqualTo("quantized");
        assertThat(json.at("/verification/notCompared").textValue()).isEqualTo("there is none");
    }

    @Test
    void shouldPrintJsonOfThePublishedSchema() throws IOException {
        assertThat(run("--bits 8 --json")).isZero();
        assertThat(faults(out.toString())).isEmpty();
        assertThat(faults(out.toString().replaceFirst("\"most\"", "\"least\""))).isNotEmpty();

        out.getBuffer().setLength(0);
        transformers = TRANSFORMERS;
        assertThat(execute("fuse", "--adapter", "a", "--json")).isZero();
        assertThat(faults(out.toString())).isEmpty();
    }

    private static List<Error> faults(String json) throws IOException {
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(Files.readString(Path.of("docs", "schemas", "convert.schema.json")), InputFormat.JSON)
                .validate(json, InputFormat.JSON);
    }

    @Test
    void shouldSayHowFarTheResultIsFromTransformers() {
        transformers = TRANSFORMERS;

        assertThat(run("")).isZero();
        assertThat(out.toString().lines())
                .contains("hf       transformers in float32: max difference 2.00e-04 (1.00e-05 of their range), mean"
                        + " divergence 1.00e-09 nats; the most probable token agrees at 2 of 2 positions");
    }

    @Test
    void shouldAskForTheFusionThatTheOptionsSay() {
        assertThat(execute("fuse", "--adapter", "a", "--dequantize", "--json", "--verify-with", "hf"))
                .isZero();
        assertThat(execute("fuse", "--expert", "law", "--base", "b")).isZero();

        FusionConfig plain = FusionConfig.builder("m", Path.of("new")).build();
        assertThat(fused)
                .containsExactly(
                        plain.toBuilder()
                                .adapter(Path.of("a"))
                                .dequantize(true)
                                .verifyWith(VerifyWith.HF)
                                .build(),
                        plain.toBuilder().expert("law").base("b").build());
        assertThat(out.toString()).contains("\"bitsPerWeight\" : 8.5").contains("greedy   3 of 4");
    }

    private int run(String options) {
        List<String> all = new ArrayList<>(List.of(options.strip().split(" ")));
        all.removeIf(String::isEmpty);
        return execute("convert", all.toArray(String[]::new));
    }

    private int execute(String command, String... options) {
        List<String> all = new ArrayList<>(List.of(command, "m", "--output", "new"));
        all.addAll(List.of(options));
        Callable<Integer> ours =
                command.equals("convert") ? new ConvertCommand(this::convert) : new FuseCommand(this::fuse);
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

    private ConversionReport report(@Nullable Quantization quantization, ConversionListener listener) {
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
                        0.05,
                        0.25,
                        0.125,
                        1,
                        4,
                        3,
                        ConversionReport.Change.QUANTIZED,
                        new ConversionReport.Bound("meanDivergence", 3.5),
                        0.0,
                        transformers,
                        transformers == null ? "there is none" : null),
                List.of("look out"));
    }
}
