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
    public static final WorkerPoolConfig DEFAULT = builder().build();

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

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return new Builder().maxWorkers(maxWorkers).reservedBytes(reservedBytes).longestWait(longestWait);
    }

    /** Builds a {@link WorkerPoolConfig}, whose documentation has the defaults. Not thread-safe. */
    public static final class Builder {
        private int maxWorkers = Integer.MAX_VALUE;
        private long reservedBytes = 1L << 30;
        private Duration longestWait = Duration.ofMinutes(5);

        private Builder() {}

        /** The maximum number of workers that run at once. */
        public Builder maxWorkers(int maxWorkers) {
            this.maxWorkers = maxWorkers;
            return this;
        }

        /** The memory to keep free, in bytes. */
        public Builder reservedBytes(long reservedBytes) {
            this.reservedBytes = reservedBytes;
            return this;
        }

        /** How long a request waits for other workers to finish. */
        public Builder longestWait(Duration longestWait) {
            this.longestWait = longestWait;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if there may be no worker, or the reserve or the wait is below 0
         */
        public WorkerPoolConfig build() {
            return new WorkerPoolConfig(maxWorkers, reservedBytes, longestWait);
        }
    }
}
