package io.github.mlx4j.report;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Medians, percentiles, proportions and ratios of pairs, with confidence intervals and a significance test.
 * Thread-safe.
 */
public final class Statistics {

    private static final int RESAMPLES = 2000;
    private static final long SEED = 20261121;
    private static final double Z = 1.959963984540054; // 95% of a normal distribution lie within ±Z

    private Statistics() {}

    /** Returns a percentile, with linear interpolation between values; {@code share} is 0 to 1. */
    public static double percentile(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    /** Returns the median: the middle value, or the mean of the two in the middle. */
    public static double median(double[] values) {
        return percentile(values, 0.5);
    }

    /** Returns {@code over[i] / under[i]} for each pair. */
    public static double[] ratios(double[] over, double[] under) {
        if (over.length != under.length) {
            throw new IllegalArgumentException(over.length + " values can't be paired with " + under.length);
        }
        return IntStream.range(0, over.length)
                .mapToDouble(i -> over[i] / under[i])
                .toArray();
    }

    /**
     * Returns a statistic of the values, with a bootstrapped interval from its 2.5th to its 97.5th percentile over
     * resamples.
     */
    public static Interval bootstrap(double[] values, ToDoubleFunction<double[]> statistic) {
        if (values.length == 0) {
            throw new IllegalArgumentException("There must be at least one value");
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

    /** Returns the median with its bootstrapped interval. */
    public static Interval median95(double[] values) {
        return bootstrap(values, Statistics::median);
    }

    /**
     * Returns a proportion with Wilson's 95% interval, which is also valid for small samples and for extreme
     * proportions.
     *
     * @param hits how many cases count
     * @param all how many cases there are, 1 or more
     */
    public static Interval wilson(int hits, int all) {
        if (hits < 0 || hits > all || all < 1) {
            throw new IllegalArgumentException(hits + " of " + all + " is not a valid proportion");
        }
        double share = (double) hits / all;
        double denominator = 1 + Z * Z / all;
        double middle = (share + Z * Z / (2 * all)) / denominator;
        double half = Z / denominator * Math.sqrt(share * (1 - share) / all + Z * Z / (4.0 * all * all));
        double low = hits == 0 ? 0 : middle - half;
        double high = hits == all ? 1 : middle + half;
        return new Interval(low, share, high);
    }

    /**
     * Performs the exact two-sided sign test: computes how probable a difference between wins and losses of at least
     * this size would be if both were equally likely. Ties are ignored.
     *
     * @return the p-value, from 0 to 1; 1 if there are no wins and no losses
     */
    public static double signTest(int wins, int losses) {
        int all = wins + losses;
        double sum = 0;
        double log = -all * Math.log(2); // log of the probability of exactly i
        for (int i = 0; i <= Math.min(wins, losses); i++) {
            sum += Math.exp(log);
            log += Math.log((double) (all - i) / (i + 1));
        }
        return Math.min(1, 2 * sum);
    }
}
