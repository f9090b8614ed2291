package io.github.mlx4j.bench;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Medians, percentiles, ratios of pairs, and how sure they are. */
final class Statistics {

    private static final int RESAMPLES = 2000;
    private static final long SEED = 20261121;

    private Statistics() {}

    /** The value below which this share of all lies, between two values in proportion; {@code share} is 0 to 1. */
    static double percentile(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    static double median(double[] values) {
        return percentile(values, 0.5);
    }

    /** {@code over[i] / under[i]} for each pair. */
    static double[] ratios(double[] over, double[] under) {
        if (over.length != under.length) {
            throw new IllegalArgumentException(over.length + " values have no pairs among " + under.length);
        }
        return IntStream.range(0, over.length)
                .mapToDouble(i -> over[i] / under[i])
                .toArray();
    }

    /** A statistic of these values, with the 2.5th and the 97.5th percentile of what resamples of them give. */
    static Interval bootstrap(double[] values, ToDoubleFunction<double[]> statistic) {
        if (values.length == 0) {
            throw new IllegalArgumentException("There is nothing to tell from no values");
        }
        SplittableRandom random = new SplittableRandom(SEED);
        double[] estimates = IntStream.range(0, RESAMPLES)
                .mapToDouble(i -> statistic.applyAsDouble(random.ints(values.length, 0, values.length)
                        .mapToDouble(pick -> values[pick])
                        .toArray()))
                .toArray();
        return new Interval(
                percentile(estimates, 0.025), statistic.applyAsDouble(values), percentile(estimates, 0.975));
    }

    /** The median with its interval. */
    static Interval median95(double[] values) {
        return bootstrap(values, Statistics::median);
    }
}
