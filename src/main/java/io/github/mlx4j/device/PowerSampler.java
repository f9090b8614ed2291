package io.github.mlx4j.device;

import java.util.Optional;

/**
 * Measures the power consumption of this machine's processors; {@link DeviceManager#powerSampler()} creates one. The
 * measurement includes everything that runs in the meantime, not only this program. Not thread-safe. Close it to stop
 * the processes it started.
 */
public interface PowerSampler extends AutoCloseable {

    /** Returns the source of the measurements, for reports. */
    String source();

    /** Starts a measurement and discards any measurement in progress. */
    void begin();

    /**
     * Ends the measurement. This may wait a second or two for a reading that covers the end.
     *
     * @return empty if there were no readings, or none for most of the time
     */
    Optional<Energy> end();

    /** Stops what the sampler started. Idempotent. */
    @Override
    void close();
}
