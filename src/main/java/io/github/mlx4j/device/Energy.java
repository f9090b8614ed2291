package io.github.mlx4j.device;

import java.time.Duration;
import java.util.Map;

/**
 * What was taken while something ran.
 *
 * @param joules of the processors together: CPU, GPU and neural engine, or the packages that the kernel counts
 * @param time for how long
 * @param watts the mean power of each part that the source tells apart, and of the whole {@code system} if it knows
 */
public record Energy(double joules, Duration time, Map<String, Double> watts) {

    /** Takes an immutable copy. */
    public Energy {
        watts = Map.copyOf(watts);
    }

    /** The processors' mean power. */
    public double meanWatts() {
        return joules / (time.toNanos() / 1e9);
    }
}
