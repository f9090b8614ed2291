package io.github.mlx4j.config;

import java.util.Locale;

/**
 * Whether the operating system restricts a worker, so that it has no network access and can write only to its private
 * folder and its outputs.
 */
public enum SandboxMode {
    /**
     * Restricts the worker as far as the system supports it; {@link io.github.mlx4j.event.WorkerStatus#sandbox()} says
     * what is missing.
     */
    AUTO,
    /** A worker that can't be restricted fails to start. On macOS, only this mode restricts the worker at all. */
    REQUIRE,
    /** No restrictions. */
    OFF;

    /** Returns the name as users write it: {@code auto}, {@code require}, {@code off}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
