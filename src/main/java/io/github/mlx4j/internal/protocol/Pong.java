package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.event.WorkerMemory;
import org.jspecify.annotations.Nullable;

/**
 * The result of {@code ping}, sent by the worker's reader thread.
 *
 * @param uptimeMs time since the worker started
 * @param engine the state of the engine
 * @param memory the worker's memory use; {@code null} from a worker of an older minor version
 */
public record Pong(double uptimeMs, Engine engine, @Nullable WorkerMemory memory) {

    /**
     * The engine.
     *
     * @param state {@code new}, {@code loading}, {@code idle} or {@code generating}
     * @param open the number of calls without a response
     * @param lastMovedMs time since the engine's last step
     */
    public record Engine(String state, int open, double lastMovedMs) {}
}
