package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BenchReportTest {

    private static final BenchConfig SETTINGS = new BenchConfig(512, 128, 2, true);
    private static final BenchResult.Measured MLX = new BenchResult.Measured(
            "mlx",
            Map.of("model", "tiny"),
            List.of(
                    Map.of(Metric.LOAD, 1.0, Metric.GENERATION_SPEED, 60.0),
                    Map.of(Metric.LOAD, 2.0, Metric.GENERATION_SPEED, 80.0)));
    private static final BenchResult.Measured HF = new BenchResult.Measured(
            "hf",
            Map.of("model", "tiny"),
            List.of(
                    Map.of(Metric.LOAD, 4.0, Metric.GENERATION_SPEED, 20.0),
                    Map.of(Metric.LOAD, 4.0, Metric.GENERATION_SPEED, 40.0)));

    private final BenchReport report = new BenchReport(
            Map.of("machine", "a machine"),
            new BenchResult(SETTINGS, List.of(MLX, HF), Map.of("ollama", "no server\nanswers")),
            List.of("Power: not measured."));

    @Test
    void shouldShowProvidersBesideEachOtherWithTheirRatio() {
        assertThat(report.markdown().lines())
                .contains(
                        "- machine: a machine",
                        "- settings: prompts of about 512 tokens, answers of up to 128, 2 runs, training in 5 steps over 4"
                                + " sequences of up to 128 tokens",
                        "- mlx: model tiny",
                        "| median (min–max) | mlx | hf | mlx / hf |",
                        "| load, s | 1.50 (1–2) | 4 | 0.375 (0.250–0.500) |",
                        "| generation, tokens/s | 70 (60–80) | 30 (20–40) | 2.50 (2–3) |",
                        "- ollama: no server answers",
                        "- Power: not measured.")
                .noneMatch(line -> line.contains("J/token"));
    }

    @Test
    void shouldDivideRunByRun() {
        assertThat(MLX.over(HF))
                .containsOnlyKeys(Metric.LOAD, Metric.GENERATION_SPEED)
                .containsEntry(Metric.GENERATION_SPEED, new MetricSummary(2.5, 2, 3)); // and not 70 / 30
    }

    @Test
    void shouldLeaveRatiosOutWhenThereIsNoPair() {
        BenchResult.Measured untold = new BenchResult.Measured("ollama", Map.of(), List.of(Map.of()));

        assertThat(MLX.over(untold)).isEmpty();
        assertThat(untold.over(MLX)).isEmpty();
    }

    @Test
    void shouldHaveNoTableWhenNobodyWasMeasured() {
        BenchReport empty = new BenchReport(
                Map.of(), new BenchResult(SETTINGS, List.of(), Map.of("mlx", "it is broken")), List.of());

        assertThat(empty.markdown())
                .contains("Not measured:", "- mlx: it is broken")
                .doesNotContain("|");
        assertThat(empty.asMap()).containsEntry("ratios", List.of());
    }

    @Test
    void shouldHaveEveryFigureInJsonByItsId() {
        JsonNode json = new JsonMapper().valueToTree(report.asMap());

        assertThat(json.at("/providers/0/figures/generationTokensPerSecond"))
                .isEqualTo(new JsonMapper().valueToTree(new MetricSummary(70, 60, 80)));
        assertThat(json.at("/providers/1/runs/1/loadSeconds").doubleValue()).isEqualTo(4);
        assertThat(json.at("/ratios/0/over").textValue()).isEqualTo("mlx");
        assertThat(json.at("/ratios/0/under").textValue()).isEqualTo("hf");
        assertThat(json.at("/ratios/0/figures/loadSeconds/median").doubleValue())
                .isEqualTo(0.375);
        assertThat(json.at("/notMeasured/ollama").textValue()).isEqualTo("no server\nanswers");
        assertThat(json.at("/settings/promptTokens").intValue()).isEqualTo(512);
    }
}
