package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {

    private final Report report = new Report(Set.of("start"), true);

    @ParameterizedTest
    @CsvSource({
        "CONSTRAINED_ALONE, 0.90, 0.95, 0.99, MET",
        "CONSTRAINED_ALONE, 0.80, 0.87, 0.90, UNCLEAR",
        "CONSTRAINED_ALONE, 0.80, 0.85, 0.87, MISSED",
        "CHUNK, 250, 290, 400, MET",
        "CHUNK, 299, 310, 320, UNCLEAR",
        "CHUNK, 301, 310, 320, MISSED"
    })
    void shouldMissOnlyWhenTheWholeIntervalLiesBeyond(
            Limit limit, double low, double mid, double high, Limit.Verdict verdict) {
        assertThat(limit.judge(new Interval(low, mid, high))).isEqualTo(verdict);
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
        assertThat(report.markdown()).contains("| 2500 [2500, 2500] ms | 5 | MISSED |");
    }

    @Test
    void shouldNotHoldWhenAGateHasNoFigure() {
        assertThat(report.holds()).isFalse();
        assertThat(report.markdown()).contains("NOT MEASURED").doesNotContain("mlx_lm.server");
    }

    @Test
    void shouldOnlyShowGatesWhenTheModelIsAnother() {
        assertThat(new Report(Set.of("start"), false).holds()).isTrue();
    }

    @Test
    void shouldKeepAllOfItWhenWritten(@TempDir Path folder) throws IOException {
        start(100);
        report.fact("machine", "this one");
        report.raw("start", "mlx4j", "ms", 1.23456, 2);
        report.chart("ratios", "<svg/>");

        JsonNode json = new JsonMapper().readTree(report.write(folder, "now").toFile());

        assertThat(json.at("/run/machine").asText()).isEqualTo("this one");
        assertThat(json.at("/limits/0/verdict").asText()).isEqualTo("MET");
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
        report.measured(Limit.START, new Interval(ms, ms, ms), 5, "");
        report.measured(Limit.MEMORY, new Interval(20, 20, 20), 5, "");
    }
}
