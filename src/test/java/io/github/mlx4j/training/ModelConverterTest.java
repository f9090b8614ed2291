package io.github.mlx4j.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.probe.Availability;
import io.github.mlx4j.probe.Reason;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ModelConverterTest {

    private final ModelConverter converter = new ModelConverter(FakeWorker::ready, FakeWorker.SCRIPTS, false);

    @Test
    void shouldReportWhatTheWorkerSays() {
        List<String> phases = new CopyOnWriteArrayList<>();

        ConversionReport report = converter.convert(
                ConversionConfig.of("fake", Path.of("small")), (phase, done, total, unit) -> phases.add(phase));

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
    void shouldBlameTheConfigurationWhenTheWorkerRefusesIt() {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() ->
                        converter.convert(ConversionConfig.of("{\"error\":\"InvalidRequest\"}", Path.of("small"))))
                .withMessageContaining("on demand");
    }

    @Test
    void shouldSayWhyWhenMlxCanNotRunHere() {
        Availability not = new Availability.Unavailable(Reason.NOT_MACOS, "This is no Mac.", "Use one.");
        ModelConverter nowhere = new ModelConverter(() -> not, FakeWorker.SCRIPTS, false);

        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(() -> nowhere.fuse(FusionConfig.of("m", Path.of("small"))))
                .satisfies(error -> assertThat(error.code()).isEqualTo("MLX_NOT_AVAILABLE"))
                .withMessage("This is no Mac. What to do: Use one.");
    }
}
