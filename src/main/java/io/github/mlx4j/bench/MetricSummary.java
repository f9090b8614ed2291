package io.github.mlx4j.bench;

import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.Arrays;

/**
 * A figure over several runs.
 *
 * @param median its median
 * @param min its least value
 * @param max its largest value
 */
public record MetricSummary(double median, double min, double max) {

    /** Of these values, one at least. */
    public static MetricSummary of(double... values) {
        return new MetricSummary(
                Statistics.median(values),
                Arrays.stream(values).min().orElseThrow(),
                Arrays.stream(values).max().orElseThrow());
    }

    /** Such as {@code 12.3 (11.9–13.0)}, or one number where all runs gave the same. */
    @Override
    public String toString() {
        return min == max ? number(median) : "%s (%s–%s)".formatted(number(median), number(min), number(max));
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9
                ? Long.toString((long) value)
                : Interval.number(value);
    }
}
