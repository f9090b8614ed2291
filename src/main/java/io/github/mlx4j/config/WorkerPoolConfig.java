package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import java.time.Duration;

/**
 * How many workers may run at the same time, and how much memory they leave free.
 *
 * @param maxWorkers the maximum number of workers that run at the same time, 1 or more; by default as many as fit into
 *     memory
 * @param reservedBytes the memory in bytes to leave free when a worker starts next to others, and when a batch size for
 *     training is chosen; default 1 GiB
 * @param longestWait how long a request waits for other workers to finish; default 5 minutes
 */
public record WorkerPoolConfig(int maxWorkers, long reservedBytes, Duration longestWait) {

    /** The configuration with default values. */
    public static final WorkerPoolConfig DEFAULT = builder().build();

    /**
     * Checks the values.
     *
     * @throws ConfigurationException if {@code maxWorkers} is less than 1, or one of the others is negative
     */
    public WorkerPoolConfig {
        if (maxWorkers < 1) {
            throw new ConfigurationException(
                    "maxWorkers is " + maxWorkers + ", which is too low.", "Set it to 1 or more.");
        }
        if (reservedBytes < 0) {
            throw new ConfigurationException(
                    "reservedBytes is " + reservedBytes + ", which is negative.", "Set it to 0 or more.");
        }
        if (longestWait.isNegative()) {
            throw new ConfigurationException(
                    "longestWait is " + longestWait + ", which is negative.", "Set it to 0 or more.");
        }
    }

    /** Creates a builder with default values. */
    public static Builder builder() {
        return new Builder();
    }

    /** Creates a builder with these values. */
    public Builder toBuilder() {
        return new Builder().maxWorkers(maxWorkers).reservedBytes(reservedBytes).longestWait(longestWait);
    }

    /** Builds a {@link WorkerPoolConfig}; see there for the defaults. Not thread-safe. */
    public static final class Builder {
        private int maxWorkers = Integer.MAX_VALUE;
        private long reservedBytes = 1L << 30;
        private Duration longestWait = Duration.ofMinutes(5);

        private Builder() {}

        /** Sets the maximum number of workers that run at the same time. */
        public Builder maxWorkers(int maxWorkers) {
            this.maxWorkers = maxWorkers;
            return this;
        }

        /** Sets the memory to keep free, in bytes. */
        public Builder reservedBytes(long reservedBytes) {
            this.reservedBytes = reservedBytes;
            return this;
        }

        /** Sets how long a request waits for other workers to finish. */
        public Builder longestWait(Duration longestWait) {
            this.longestWait = longestWait;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if {@code maxWorkers} is less than 1, or one of the others is negative
         */
        public WorkerPoolConfig build() {
            return new WorkerPoolConfig(maxWorkers, reservedBytes, longestWait);
        }
    }
}
