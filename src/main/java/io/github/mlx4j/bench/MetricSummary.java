package io.github.mlx4j.bench;

import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.Arrays;

/**
 * A figure summarized over several runs.
 *
 * @param median the median
 * @param min the minimum
 * @param max the maximum
 */
public record MetricSummary(double median, double min, double max) {

    /** Summarizes values, of which there must be at least one. */
    public static MetricSummary of(double... values) {
        return new MetricSummary(
                Statistics.median(values),
                Arrays.stream(values).min().orElseThrow(),
                Arrays.stream(values).max().orElseThrow());
    }

    /** Returns text such as {@code 12.3 (11.9–13.0)}, or a single number if all runs had the same value. */
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
