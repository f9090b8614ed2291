package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StatisticsTest {

    @Test
    void shouldLieBetweenTwoValuesWhenAPercentileDoes() {
        double[] values = {40, 10, 30, 20};

        assertThat(Statistics.percentile(values, 0)).isEqualTo(10);
        assertThat(Statistics.percentile(values, 0.5)).isEqualTo(25);
        assertThat(Statistics.percentile(values, 0.99)).isCloseTo(39.7, within(1e-9));
        assertThat(Statistics.percentile(values, 1)).isEqualTo(40);
        assertThat(values).as("left as they were").containsExactly(40, 10, 30, 20);
    }

    @Test
    void shouldBeThatValueWhenThereIsOne() {
        assertThat(Statistics.median95(new double[] {3})).isEqualTo(new Interval(3, 3, 3));
    }

    @Test
    void shouldDivideEachByItsOwnWhenThereArePairs() {
        assertThat(Statistics.ratios(new double[] {1, 9}, new double[] {2, 3})).containsExactly(0.5, 3);
        assertThatThrownBy(() -> Statistics.ratios(new double[1], new double[2]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldHoldTheTruthAboutAsOftenAsSaidWhenBootstrapped() {
        SplittableRandom random = new SplittableRandom(7);
        long hits = IntStream.range(0, 200)
                .filter(i -> {
                    double[] sample =
                            random.doubles(40).map(uniform -> 10 + uniform).toArray();
                    Interval interval = Statistics.median95(sample);
                    return interval.low() <= 10.5 && 10.5 <= interval.high();
                })
                .count();

        assertThat(hits).isBetween(180L, 199L);
    }

    @Test
    void shouldGiveTheSameWhenAskedAgain() {
        double[] values = new SplittableRandom(1).doubles(30).toArray();

        assertThat(Statistics.median95(values)).isEqualTo(Statistics.median95(values));
    }

    @Test
    void shouldRefuseWhenThereAreNoValues() {
        assertThatThrownBy(() -> Statistics.median95(new double[0])).isInstanceOf(IllegalArgumentException.class);
    }
}
