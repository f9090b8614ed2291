package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {

    private final Report report = new Report(Set.of(ProviderKind.MLX), Set.of("start"), true);

    @ParameterizedTest
    @CsvSource({
        "SCHEMA_ALONE, MLX, 0.90, 0.96, 0.99, GOAL",
        "SCHEMA_ALONE, MLX, 0.90, 0.94, 0.99, GATE",
        "SCHEMA_ALONE, MLX, 0.80, 0.87, 0.90, UNCLEAR",
        "SCHEMA_ALONE, MLX, 0.80, 0.85, 0.87, MISSED",
        "SCHEMA_ALONE, HF, 0.80, 0.85, 0.87, BELOW_GOAL",
        "CONTEXT, HF, 1.00, 1.02, 1.04, GOAL",
        "CONTEXT, HF, 1.00, 1.04, 1.10, GATE",
        "CONTEXT, HF, 1.07, 1.09, 1.11, UNCLEAR",
        "CONTEXT, HF, 1.09, 1.10, 1.11, MISSED"
    })
    void shouldMissAGateOnlyWhenTheWholeIntervalLiesBeyond(
            Limit limit, ProviderKind engine, double low, double mid, double high, Limit.Verdict verdict) {
        Limit.Bounds bounds = Objects.requireNonNull(limit.bounds(engine));

        assertThat(limit.judge(bounds, new Interval(low, mid, high))).isEqualTo(verdict);
    }

    @Test
    void shouldStartWithOneSentenceWhenTheReportIsPrinted() {
        start(2500);

        assertThat(report.markdown())
                .startsWith(
                        "mlx4j meets 1 of 2 gates and 1 of 2 goals; missed: mlx, worker without a model: start until"
                                + " hello (2500 ms; gate ≤ 2000 ms).\n\n");
    }

    @Test
    void shouldNotMissAGateWhenItsArmNeedNotBeInstalled() {
        Report hf = new Report(Set.of(ProviderKind.HF), Set.of("speed"), true);

        assertThat(hf.markdown()).doesNotContain("transformers serve").contains("padded batch");

        hf.measured(ProviderKind.HF, Limit.SERVER_16, new Interval(1, 1, 1), 9, "");
        assertThat(hf.verdict()).contains("missed: hf, 16 callers, relative to transformers serve");
    }

    @Test
    void shouldHoldWhenEveryGateOfItsScenariosIsMet() {
        start(100);

        assertThat(report.holds()).isTrue();
    }

    @Test
    void shouldNotHoldWhenAGateIsMissed() {
        start(2500);

        assertThat(report.holds()).isFalse();
        assertThat(report.markdown()).contains("| 2500 [2500, 2500] ms | 5 | ≤ 2000 ms | ≤ 2000 ms | GATE MISSED |");
    }

    @Test
    void shouldNotHoldWhenAGateHasNoFigure() {
        assertThat(report.holds()).isFalse();
        assertThat(report.markdown()).contains("NOT MEASURED").doesNotContain("mlx_lm.server");
    }

    @Test
    void shouldOnlyShowGatesWhenTheModelIsAnother() {
        assertThat(new Report(Set.of(ProviderKind.MLX), Set.of("start"), false).holds())
                .isTrue();
    }

    @Test
    void shouldKeepAllOfItWhenWritten(@TempDir Path folder) throws IOException {
        start(100);
        report.fact("machine", "this one");
        report.raw("start", "mlx4j", "ms", 1.23456, 2);
        report.chart("ratios", "<svg/>");

        JsonNode json = new JsonMapper().readTree(report.write(folder, "now").toFile());

        assertThat(json.at("/run/machine").asText()).isEqualTo("this one");
        assertThat(json.at("/limits/0/verdict").asText()).isEqualTo("GOAL");
        assertThat(json.at("/raw/0/values/0").asDouble()).isEqualTo(1.2346);
        assertThat(folder.resolve("bench-now-ratios.svg")).hasContent("<svg/>");
        assertThat(Files.readString(folder.resolve("bench-now.md"))).contains("| machine | this one |");
    }

    @Test
    void shouldFillAndEscapeCellsWhenATableIsWritten() {
        Table table = new Table("Ways", "way", "ms");
        table.row("a|b\nc", 1.5);
        table.row("none");

        assertThat(table.markdown())
                .isEqualTo("### Ways\n\n| way | ms |\n| --- | --- |\n| a\\|b c | 1.5 |\n| none |  |\n");
        assertThatThrownBy(() -> table.row(1, 2, 3)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"1234.5, 1235", "12.345, 12.3", "1.2345, 1.23", "0.12345, 0.123", "-45.67, -45.7"})
    void shouldHaveAboutThreeDigitsWhenANumberIsShown(double value, String shown) {
        assertThat(Interval.number(value)).isEqualTo(shown);
    }

    private void start(double ms) {
        report.measured(ProviderKind.MLX, Limit.START, new Interval(ms, ms, ms), 5, "");
        report.measured(ProviderKind.MLX, Limit.MEMORY, new Interval(20, 20, 20), 5, "");
    }
}
