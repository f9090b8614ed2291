package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Result of {@code ping}, given by the worker's reader thread.
 *
 * @param uptimeMs since the worker began
 * @param engine what the engine does
 * @param memory what it takes; {@code null} from a worker of an older minor version
 */
public record Pong(double uptimeMs, Engine engine, @Nullable Memory memory) {

    /**
     * Memory in bytes; {@code null} is not known.
     *
     * @param activeBytes in use by the engine
     * @param peakBytes the most that was in use
     * @param cacheBytes held by the engine for later use
     * @param residentBytes what the process has of the machine's memory
     */
    public record Memory(
            @Nullable Long activeBytes,
            @Nullable Long peakBytes,
            @Nullable Long cacheBytes,
            @Nullable Long residentBytes) {}

    /**
     * The engine.
     *
     * @param state {@code new}, {@code loading}, {@code idle} or {@code generating}
     * @param open calls without an answer
     * @param lastMovedMs since the engine's last step
     */
    public record Engine(String state, int open, double lastMovedMs) {}
}
