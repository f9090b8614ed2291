package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MetricSummaryTest {

    @Test
    void shouldHaveMedianLeastAndMost() {
        assertThat(MetricSummary.of(3, 1, 2)).isEqualTo(new MetricSummary(2, 1, 3));
        assertThat(MetricSummary.of(4, 1, 2, 3)).isEqualTo(new MetricSummary(2.5, 1, 4));
    }

    @Test
    void shouldShowThreeDigitsThatMeanSomething() {
        assertThat(MetricSummary.of(12.345, 11.91, 13.04)).hasToString("12.3 (11.9–13.0)");
        assertThat(MetricSummary.of(0.25)).hasToString("0.250");
        assertThat(MetricSummary.of(126, 126)).hasToString("126");
    }
}
