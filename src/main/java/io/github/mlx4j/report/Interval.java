package io.github.mlx4j.report;

import java.util.Locale;

/**
 * A figure with its 95% interval.
 *
 * @param low the lower bound
 * @param mid the figure
 * @param high the upper bound
 */
public record Interval(double low, double mid, double high) {

    @Override
    public String toString() {
        return "%s [%s, %s]".formatted(number(mid), number(low), number(high));
    }

    /** Formats a number with about three significant digits. */
    public static String number(double value) {
        double size = Math.abs(value);
        int places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + places + "f", value);
    }
}
