package io.github.mlx4j.device;

import java.time.Duration;
import java.util.Map;

/**
 * The energy used during a measurement.
 *
 * @param joules the total energy of the processors: CPU, GPU and neural engine, or the packages that the kernel counts
 * @param time the duration of the measurement
 * @param watts the mean power of each component that the source reports, and of the whole {@code system} if available
 */
public record Energy(double joules, Duration time, Map<String, Double> watts) {

    /** Makes an immutable copy of the map. */
    public Energy {
        watts = Map.copyOf(watts);
    }

    /** Returns the mean power of the processors in watts. */
    public double meanWatts() {
        return joules / (time.toNanos() / 1e9);
    }
}
