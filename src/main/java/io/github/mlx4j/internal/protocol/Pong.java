package io.github.mlx4j.internal.protocol;

/**
 * Result of {@code ping}, given by the worker's reader thread.
 *
 * @param uptimeMs since the worker began
 * @param engine what the engine does
 */
public record Pong(double uptimeMs, Engine engine) {

    /**
     * The engine.
     *
     * @param state {@code new}, {@code loading}, {@code idle} or {@code generating}
     * @param open calls without an answer
     * @param lastMovedMs since the engine's last step
     */
    public record Engine(String state, int open, double lastMovedMs) {}
}
