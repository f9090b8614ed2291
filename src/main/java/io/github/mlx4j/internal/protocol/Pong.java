package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.event.WorkerMemory;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code ping}, given by the worker's reader thread.
 *
 * @param uptimeMs since the worker began
 * @param engine what the engine does
 * @param memory what it takes; {@code null} from a worker of an older minor version
 */
public record Pong(double uptimeMs, Engine engine, @Nullable WorkerMemory memory) {

    /**
     * The engine.
     *
     * @param state {@code new}, {@code loading}, {@code idle} or {@code generating}
     * @param open calls without an answer
     * @param lastMovedMs since the engine's last step
     */
    public record Engine(String state, int open, double lastMovedMs) {}
}
