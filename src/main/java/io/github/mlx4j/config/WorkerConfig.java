package io.github.mlx4j.config;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.internal.process.WorkerLimits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
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
    public static final WorkerConfig DEFAULT = new WorkerConfig(
            WorkerLimits.STANDARD.silence(),
            WorkerLimits.STANDARD.idle(),
            256,
            1L << 30,
            LoadConfig.DEFAULT,
            MlxConfig.DEFAULT,
            null,
            null,
            Duration.ofSeconds(10),
            SandboxMode.AUTO);

    /** The same with another time for a hang. */
    public WorkerConfig withHang(Duration hang) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with another time for idleness. */
    public WorkerConfig withIdle(Duration idle) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with another number of requests at once. */
    public WorkerConfig withMaxRequests(int maxRequests) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with another bound of the prefix cache, in bytes. */
    public WorkerConfig withPrefixCacheBytes(long prefixCacheBytes) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with other options of the model. */
    public WorkerConfig withModel(LoadConfig model) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with options of the mlx worker. */
    public WorkerConfig withMlx(MlxConfig mlx) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with a journal. */
    public WorkerConfig withJournal(Path journal) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with a listener, in place of any other. */
    public WorkerConfig withListener(Mlx4jListener listener) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /**
     * The same with another time between two looks at its memory.
     *
     * @throws ConfigurationException if it is less than 100 milliseconds
     */
    public WorkerConfig withMemoryPeriod(Duration memoryPeriod) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }

    /** The same with another sandbox. */
    public WorkerConfig withSandbox(SandboxMode sandbox) {
        return new WorkerConfig(
                hang, idle, maxRequests, prefixCacheBytes, model, mlx, journal, listener, memoryPeriod, sandbox);
    }
}
