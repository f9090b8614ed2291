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
 * How a worker runs and is supervised.
 *
 * @param hang how long a busy worker may make no progress before it is ended and restarted; default 2 minutes
 * @param idle the time without a request after which the worker is stopped; the next request starts it again. Zero (the
 *     default) for never
 * @param maxRequests the maximum number of open requests, including queued ones; further requests fail with
 *     {@link io.github.mlx4j.error.WorkerBusyException}; default 256
 * @param prefixCacheBytes the maximum size in bytes of the prefix cache, which keeps finished prompts and answers for
 *     prompts that begin with them; 0 disables it; default 1 GiB. Some models of the hf worker have no such cache, for
 *     example those with recurrent layers
 * @param model the options with which the worker loads its model
 * @param mlx options for the mlx worker only
 * @param journal a file to which worker events are appended as JSON lines; {@code null} (the default) for none. A
 *     provider factory uses {@code workers.log} in its home folder, if that folder exists
 * @param listener receives events about requests, the worker and its memory; {@code null} (the default) for none.
 *     Exceptions that it throws have no effect
 * @param memoryPeriod how often the listener receives memory readings, 100 milliseconds or more; default 10 seconds
 * @param sandbox whether the operating system prevents the worker from using the network and from writing outside its
 *     folder; default {@code AUTO}
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
     * Checks the period, and wraps the listener so that its exceptions have no effect.
     *
     * @throws ConfigurationException if {@code memoryPeriod} is less than 100 milliseconds
     */
    public WorkerConfig {
        if (memoryPeriod.compareTo(MIN_MEMORY_PERIOD) < 0) {
            throw new ConfigurationException(
                    "memoryPeriod is " + memoryPeriod + ", which is too short.", "Set it to 100 ms or more.");
        }
        listener = listener == null ? null : Mlx4jListener.all(List.of(listener));
    }

    /** The configuration with default values. */
    public static final WorkerConfig DEFAULT = builder().build();

    /** Creates a builder with default values. */
    public static Builder builder() {
        return new Builder();
    }

    /** Creates a builder with these values. */
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

    /** Builds a {@link WorkerConfig}; see there for the defaults. Not thread-safe. */
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

        /** Sets how long a busy worker may make no progress. */
        public Builder hang(Duration hang) {
            this.hang = hang;
            return this;
        }

        /** Sets the time without a request after which a worker is stopped; zero for never. */
        public Builder idle(Duration idle) {
            this.idle = idle;
            return this;
        }

        /** Sets the maximum number of open requests. */
        public Builder maxRequests(int maxRequests) {
            this.maxRequests = maxRequests;
            return this;
        }

        /** Sets the maximum size of the prefix cache, in bytes; 0 disables it. */
        public Builder prefixCacheBytes(long prefixCacheBytes) {
            this.prefixCacheBytes = prefixCacheBytes;
            return this;
        }

        /** Sets the options of the model. */
        public Builder model(LoadConfig model) {
            this.model = model;
            return this;
        }

        /** Sets the options of the mlx worker. */
        public Builder mlx(MlxConfig mlx) {
            this.mlx = mlx;
            return this;
        }

        /** Sets the file for the worker's events, written as JSON lines. */
        public Builder journal(@Nullable Path journal) {
            this.journal = journal;
            return this;
        }

        /** Sets the listener and replaces any other. */
        public Builder listener(@Nullable Mlx4jListener listener) {
            this.listener = listener;
            return this;
        }

        /** Sets the time between two memory readings. */
        public Builder memoryPeriod(Duration memoryPeriod) {
            this.memoryPeriod = memoryPeriod;
            return this;
        }

        /** Sets whether the operating system restricts the worker. */
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
