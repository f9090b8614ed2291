package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.internal.process.WorkerLimits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a worker works and is looked after.
 *
 * @param hang how long it may have work to do without moving before it is ended and started anew; default 2 minutes
 * @param idle after how long without a request it is stopped, to be started again by the next; zero, the default, is
 *     never
 * @param maxRequests how many requests it takes at once, waiting ones included; one more fails with
 *     {@link io.github.mlx4j.error.WorkerBusyException}; default 256
 * @param prefixCacheBytes the most that finished prompts and answers may take in memory, to be used again by prompts
 *     that begin with them; 0 is off; default 1 GiB. The hf worker has no such cache
 * @param model what it makes of its model
 * @param mlx what is for the mlx worker only
 * @param journal a file to which what happens to the worker is appended, one JSON object a line; {@code null}, the
 *     default, is none. A provider factory takes {@code workers.log} in its home, if that exists
 * @param listener hears of its requests, of it and of its memory; {@code null}, the default, is none. What it throws
 *     hurts nothing
 * @param memoryPeriod how often it hears of the memory, 100 milliseconds or more; default 10 seconds
 * @param sandbox whether the system takes the network away from it, and writing outside of its folder; default
 *     {@code AUTO}
 */
public record WorkerConfig(
        Duration hang,
        Duration idle,
        int maxRequests,
        long prefixCacheBytes,
        LoadConfig model,
        MlxConfig mlx,
        @Nullable Path journal,
        @Nullable Mlx4jListener listener,
        Duration memoryPeriod,
        SandboxMode sandbox) {

    private static final Duration MIN_MEMORY_PERIOD = Duration.ofMillis(100);

    /**
     * Checks the period, and takes care of what the listener throws.
     *
     * @throws ConfigurationException if {@code memoryPeriod} is less than 100 milliseconds
     */
    public WorkerConfig {
        if (memoryPeriod.compareTo(MIN_MEMORY_PERIOD) < 0) {
            throw new ConfigurationException("memoryPeriod is " + memoryPeriod + ".", "Make it 100 ms or more.");
        }
        listener = listener == null ? null : Mlx4jListener.all(List.of(listener));
    }

    /** Every default. */
    public static final WorkerConfig DEFAULT = builder().build();

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return new Builder()
                .hang(hang)
                .idle(idle)
                .maxRequests(maxRequests)
                .prefixCacheBytes(prefixCacheBytes)
                .model(model)
                .mlx(mlx)
                .journal(journal)
                .listener(listener)
                .memoryPeriod(memoryPeriod)
                .sandbox(sandbox);
    }

    /** Builds a {@link WorkerConfig}, whose documentation has the defaults. Not thread-safe. */
    public static final class Builder {
        private Duration hang = WorkerLimits.STANDARD.silence();
        private Duration idle = WorkerLimits.STANDARD.idle();
        private int maxRequests = 256;
        private long prefixCacheBytes = 1L << 30;
        private LoadConfig model = LoadConfig.DEFAULT;
        private MlxConfig mlx = MlxConfig.DEFAULT;
        private @Nullable Path journal;
        private @Nullable Mlx4jListener listener;
        private Duration memoryPeriod = Duration.ofSeconds(10);
        private SandboxMode sandbox = SandboxMode.AUTO;

        private Builder() {}

        /** How long a busy worker may make no progress. */
        public Builder hang(Duration hang) {
            this.hang = hang;
            return this;
        }

        /** Time without a request after which a worker is stopped; zero is never. */
        public Builder idle(Duration idle) {
            this.idle = idle;
            return this;
        }

        /** The maximum number of open requests. */
        public Builder maxRequests(int maxRequests) {
            this.maxRequests = maxRequests;
            return this;
        }

        /** The maximum size of the prefix cache, in bytes; 0 disables it. */
        public Builder prefixCacheBytes(long prefixCacheBytes) {
            this.prefixCacheBytes = prefixCacheBytes;
            return this;
        }

        /** The options of the model. */
        public Builder model(LoadConfig model) {
            this.model = model;
            return this;
        }

        /** The options of the mlx worker. */
        public Builder mlx(MlxConfig mlx) {
            this.mlx = mlx;
            return this;
        }

        /** The file for the events of the worker, as JSON lines. */
        public Builder journal(@Nullable Path journal) {
            this.journal = journal;
            return this;
        }

        /** The listener, in place of any other. */
        public Builder listener(@Nullable Mlx4jListener listener) {
            this.listener = listener;
            return this;
        }

        /** The time between two readings of the memory. */
        public Builder memoryPeriod(Duration memoryPeriod) {
            this.memoryPeriod = memoryPeriod;
            return this;
        }

        /** Whether the system restricts the worker. */
        public Builder sandbox(SandboxMode sandbox) {
            this.sandbox = sandbox;
            return this;
        }

        /** Changes the options of the model. */
        public Builder model(Consumer<LoadConfig.Builder> change) {
            LoadConfig.Builder builder = model.toBuilder();
            change.accept(builder);
            return model(builder.build());
        }

        /** Changes the options of the mlx worker. */
        public Builder mlx(Consumer<MlxConfig.Builder> change) {
            MlxConfig.Builder builder = mlx.toBuilder();
            change.accept(builder);
            return mlx(builder.build());
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if {@code memoryPeriod} is less than 100 milliseconds
         */
        public WorkerConfig build() {
            return new WorkerConfig(
                    hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
        }
    }
}
