package io.github.mlx4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    @ParameterizedTest
    @CsvSource({ // known values
        "8, 10, 0.4901625, 0.9433178",
        "0, 10, 0, 0.2775328",
        "10, 10, 0.7224672, 1",
        "1, 1, 0.2065493, 1",
        "50, 100, 0.4038315, 0.5961685"
    })
    void shouldGiveWilsonsIntervalWhenAskedForAShare(int hits, int all, double low, double high) {
        Interval share = Statistics.wilson(hits, all);

        assertThat(share.low()).isCloseTo(low, within(1e-7));
        assertThat(share.mid()).isEqualTo((double) hits / all);
        assertThat(share.high()).isCloseTo(high, within(1e-7));
    }

    @ParameterizedTest
    @CsvSource({ // known values of the two-sided exact binomial test
        "0, 0, 1",
        "1, 0, 1",
        "5, 0, 0.0625",
        "6, 0, 0.03125",
        "8, 2, 0.109375",
        "2, 8, 0.109375",
        "9, 1, 0.021484375",
        "5, 5, 1",
        "60, 40, 0.05688793364098078"
    })
    void shouldGiveTheExactProbabilityWhenTestingSigns(int wins, int losses, double p) {
        assertThat(Statistics.signTest(wins, losses)).isCloseTo(p, within(1e-9));
    }

    @Test
    void shouldNotUnderflowWhenThereAreManySigns() {
        assertThat(Statistics.signTest(5000, 5000)).isCloseTo(1, within(1e-9));
        assertThat(Statistics.signTest(5200, 4800)).isBetween(1e-5, 1e-4);
    }

    @Test
    void shouldRefuseWhenAShareCanNotBe() {
        assertThatThrownBy(() -> Statistics.wilson(0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Statistics.wilson(3, 2)).isInstanceOf(IllegalArgumentException.class);
    }
}
