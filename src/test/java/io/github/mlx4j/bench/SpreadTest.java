package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SpreadTest {

    @Test
    void shouldHaveMedianLeastAndMost() {
        assertThat(Spread.of(3, 1, 2)).isEqualTo(new Spread(2, 1, 3));
        assertThat(Spread.of(4, 1, 2, 3)).isEqualTo(new Spread(2.5, 1, 4));
    }

    @Test
    void shouldShowThreeDigitsThatMeanSomething() {
        assertThat(Spread.of(12.345, 11.91, 13.04)).hasToString("12.3 (11.9–13.0)");
        assertThat(Spread.of(0.25)).hasToString("0.250");
        assertThat(Spread.of(126, 126)).hasToString("126");
    }
}
