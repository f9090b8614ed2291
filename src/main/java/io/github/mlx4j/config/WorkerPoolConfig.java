package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import java.time.Duration;

/**
 * How many workers may be up at once, and what memory is left alone.
 *
 * @param maxWorkers the most workers that run at once, 1 or more; the default is as many as fit into memory
 * @param reservedBytes memory that is left free by a worker that starts beside others, and by the batch size of a
 *     training, in bytes; default 1 GiB
 * @param longestWait how long a request waits for other workers to end what they do; default 5 minutes
 */
public record WorkerPoolConfig(int maxWorkers, long reservedBytes, Duration longestWait) {

    /** Every default. */
    public static final WorkerPoolConfig DEFAULT =
            new WorkerPoolConfig(Integer.MAX_VALUE, 1L << 30, Duration.ofMinutes(5));

    /**
     * Checks the numbers.
     *
     * @throws ConfigurationException if there may be no worker, or the reserve or the wait is below 0
     */
    public WorkerPoolConfig {
        if (maxWorkers < 1) {
            throw new ConfigurationException("maxWorkers is " + maxWorkers + ".", "Make it 1 or more.");
        }
        if (reservedBytes < 0) {
            throw new ConfigurationException("reservedBytes is " + reservedBytes + ".", "Make it 0 or more.");
        }
        if (longestWait.isNegative()) {
            throw new ConfigurationException("longestWait is " + longestWait + ".", "Make it 0 or more.");
        }
    }

    /** The same with another number of workers. */
    public WorkerPoolConfig withMaxWorkers(int maxWorkers) {
        return new WorkerPoolConfig(maxWorkers, reservedBytes, longestWait);
    }

    /** The same with another reserve, in bytes. */
    public WorkerPoolConfig withReservedBytes(long reservedBytes) {
        return new WorkerPoolConfig(maxWorkers, reservedBytes, longestWait);
    }

    /** The same with another wait. */
    public WorkerPoolConfig withLongestWait(Duration longestWait) {
        return new WorkerPoolConfig(maxWorkers, reservedBytes, longestWait);
    }
}
