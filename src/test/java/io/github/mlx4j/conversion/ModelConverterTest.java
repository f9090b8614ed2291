package io.github.mlx4j.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.internal.process.WorkerScripts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ModelConverterTest {

    private static final String REFUSAL =
            "{\"jsonrpc\":\"2.0\",\"id\":\"ID\",\"error\":{\"code\":-32000,\"message\":\"no\","
                    + "\"data\":{\"kind\":\"conversion_failed\",\"retryable\":false,\"hint\":\"\",\"detail\":\"\"}}}";

    private static final String COMPUTED = CannedWorker.result("\"file\":\"f\",\"prompts\":4,\"dtype\":\"float32\"");
    private static final Availability NOT =
            new Availability.Unavailable(Reason.PYTHON_NOT_FOUND, "There is no environment.", "Make one.");
    private static final ModelConverter.Engine NO_HF = new ModelConverter.Engine(() -> NOT, FakeWorker.SCRIPTS);

    private final ModelConverter converter = converter(FakeWorker.SCRIPTS, NO_HF);

    @Test
    void shouldReportWhatTheWorkerSays() {
        List<String> phases = new CopyOnWriteArrayList<>();

        ConversionReport report = converter.convert(
                ConversionConfig.builder("fake", Path.of("small")).build(),
                (phase, done, total, unit) -> phases.add(phase));

        assertThat(report.folder()).isEqualTo(Path.of("small").toAbsolutePath().toString());
        assertThat(report.quantization()).isEqualTo(Quantization.affine(8));
        assertThat(report.unquantized()).containsExactly(new ConversionReport.Unquantized("lm_head", "too narrow"));
        assertThat(report.verification().weights()).isEqualTo(ConversionReport.Change.QUANTIZED);
        assertThat(report.verification().bound()).isEqualTo(new ConversionReport.Bound("meanDivergence", 3.5));
        assertThat(report.verification().mlxLmDifference()).isNull();
        assertThat(report.warnings()).containsExactly("look out");
        assertThat(phases).containsExactly("load", "write");
    }

    @Test
    void shouldSendTheHubsTokenWhereSomethingMayComeFromThere(@TempDir Path folder) {
        CannedWorker worker =
                new CannedWorker(folder).answers("convert", REFUSAL).answers("fuse", REFUSAL);
        ModelConverter online =
                new ModelConverter(engine(worker), NO_HF, true, Map.of("HF_TOKEN", "secret"), SandboxMode.OFF);
        String local = folder.toString();
        Path output = folder.resolve("new");
        List<Runnable> jobs = List.of(
                () -> online.convert(
                        ConversionConfig.builder("org/name", output).build()),
                () -> online.convert(ConversionConfig.builder(local, output).build()),
                () -> online.fuse(FusionConfig.builder(local, output).build()),
                () -> online.fuse(
                        FusionConfig.builder(local, output).adapter(folder).build()));
        jobs.forEach(job -> assertThatExceptionOfType(ConversionException.class).isThrownBy(job::run));

        assertThat(worker.sent("convert"))
                .extracting(params -> params.path("hubToken").asText())
                .containsExactly("secret", "");
        assertThat(worker.sent("fuse"))
                .extracting(params -> params.path("hubToken").asText())
                .containsExactly("secret", "");
    }

    @Test
    void shouldComputeTheProofWithoutTf32(@TempDir Path folder) {
        CannedWorker worker =
                new CannedWorker(folder).answers("convert", REFUSAL).answers("fuse", REFUSAL);
        ModelConverter proving = new ModelConverter(engine(worker), NO_HF, false, Map.of(), SandboxMode.AUTO);
        Path output = folder.resolve("new");

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> proving.convert(
                        ConversionConfig.builder("org/name", output).build()));
        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() ->
                        proving.fuse(FusionConfig.builder("org/name", output).build()));

        assertThat(worker.environments())
                .extracting(environment -> environment.path("MLX_ENABLE_TF32").asText())
                .containsExactly("0", "0");
    }

    @Test
    void shouldBlameTheConfigurationWhenTheWorkerRefusesIt() {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() ->
                        converter.convert(ConversionConfig.builder("{\"error\":\"InvalidRequest\"}", Path.of("small"))
                                .build()))
                .withMessageContaining("on demand");
    }

    @Test
    void shouldSayWhyWhenMlxCanNotRunHere() {
        Availability not = new Availability.Unavailable(Reason.NOT_MACOS, "This is no Mac.", "Use one.");
        ModelConverter.Engine mlx = new ModelConverter.Engine(() -> not, FakeWorker.SCRIPTS);
        ModelConverter nowhere = new ModelConverter(mlx, NO_HF, false, Map.of(), SandboxMode.OFF);

        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(() ->
                        nowhere.fuse(FusionConfig.builder("m", Path.of("small")).build()))
                .satisfies(error -> assertThat(error.code()).isEqualTo("MLX_NOT_AVAILABLE"))
                .withMessage("This is no Mac. What to do: Use one.");
    }

    @Test
    void shouldHandOverWhatTransformersComputed(@TempDir Path folder) throws IOException {
        CannedWorker hf = canned(folder, "hf").answers("reference", COMPUTED);
        CannedWorker mlx = canned(folder, "mlx").answers("convert", REFUSAL).answers("fuse", REFUSAL);
        ModelConverter proving = converter(mlx, engine(hf));
        Path output = folder.resolve("new");

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> proving.convert(
                        ConversionConfig.builder("m", output).revision("v1").build()));
        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> proving.fuse(
                        FusionConfig.builder("m", output).expert("law").build()));

        assertThat(hf.sent("reference"))
                .extracting(params -> params.at("/model/revision").asText()
                        + params.at("/options/expert").asText())
                .containsExactly("v1", "law");
        assertThat(hf.sent("reference"))
                .extracting(params -> params.path("file"))
                .containsExactly(
                        mlx.sent("convert").get(0).path("reference"),
                        mlx.sent("fuse").get(0).path("reference"))
                .allSatisfy(
                        file -> assertThat(Path.of(file.asText())).isAbsolute().doesNotExist());
    }

    @Test
    void shouldSayWhyItWasNotComparedWithTransformers(@TempDir Path folder) throws IOException {
        CannedWorker refusing = canned(folder, "hf").answers("reference", REFUSAL);
        ConversionConfig config =
                ConversionConfig.builder("fake", Path.of("small")).build();

        assertThat(converter.convert(config).verification().notCompared()).isEqualTo("There is no environment.");
        assertThat(converter(FakeWorker.SCRIPTS, engine(refusing))
                        .convert(config)
                        .verification()
                        .notCompared())
                .isEqualTo("no");
    }

    @Test
    void shouldFailBeforeTheConversionWhenTransformersIsAskedForAndCanNotCompare(@TempDir Path folder)
            throws IOException {
        CannedWorker mlx = canned(folder, "mlx").answers("convert", REFUSAL);

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> converter(mlx, NO_HF)
                        .convert(ConversionConfig.builder("m", folder.resolve("new"))
                                .verifyWith(VerifyWith.HF)
                                .build()))
                .withMessage("The comparison with transformers is not possible: There is no environment."
                        + " What to do: Make one.");
        assertThat(folder.resolve("mlx/convert")).doesNotExist();
    }

    @Test
    void shouldNotPassOverTheComparisonWhenTheWorkerDies(@TempDir Path folder) throws IOException {
        CannedWorker dying = canned(folder, "hf").answers("reference", COMPUTED).dies("reference", 1);
        CannedWorker mlx = canned(folder, "mlx").answers("convert", REFUSAL);

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> converter(mlx, engine(dying))
                        .convert(ConversionConfig.builder("m", folder.resolve("new"))
                                .build()))
                .withMessageContaining("The comparison with transformers is not possible")
                .withMessageContaining("--verify-with none");
        assertThat(folder.resolve("mlx/convert")).doesNotExist();
    }

    @Test
    void shouldNotStartTransformersWhenItIsNotWanted(@TempDir Path folder) throws IOException {
        CannedWorker hf = canned(folder, "hf").answers("reference", COMPUTED);

        ConversionReport report = converter(FakeWorker.SCRIPTS, engine(hf))
                .convert(ConversionConfig.builder("fake", Path.of("small"))
                        .verifyWith(VerifyWith.NONE)
                        .build());

        assertThat(report.verification().notCompared()).isEqualTo("it was not requested");
        assertThat(folder.resolve("hf/environments")).doesNotExist();
    }

    private static CannedWorker canned(Path folder, String name) throws IOException {
        return new CannedWorker(Files.createDirectories(folder.resolve(name)));
    }

    private static ModelConverter.Engine engine(WorkerScripts scripts) {
        return new ModelConverter.Engine(FakeWorker::ready, scripts);
    }

    private static ModelConverter converter(WorkerScripts mlx, ModelConverter.Engine hf) {
        return new ModelConverter(engine(mlx), hf, false, Map.of(), SandboxMode.OFF);
    }
}
