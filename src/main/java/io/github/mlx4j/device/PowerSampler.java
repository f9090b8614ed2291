package io.github.mlx4j.device;

import java.util.Optional;

/**
 * Measures what this machine's processors take while something runs; {@link DeviceManager#powerSampler()} makes one.
 * Everything that runs meanwhile counts, not only this program. For one thread. Close it to end what it started.
 */
public interface PowerSampler extends AutoCloseable {

    /** What it reads, for reports. */
    String source();

    /** Begins a measurement; one that is under way is forgotten. */
    void begin();

    /**
     * Ends the measurement. May wait for a reading that covers its end, for a second or two.
     *
     * @return empty where there was no reading, or none for most of the time
     */
    Optional<Energy> end();

    /** Ends what it started. Idempotent. */
    @Override
    void close();
}
