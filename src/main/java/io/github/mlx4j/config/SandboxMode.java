package io.github.mlx4j.config;

import java.util.Locale;

/**
 * Whether a worker is restricted by the system, so that it has no network and writes only to its private folder and its
 * outputs.
 */
public enum SandboxMode {
    /** As far as the system offers it; what is missing is in {@link io.github.mlx4j.event.WorkerStatus#sandbox()}. */
    AUTO,
    /** A worker that can't be restricted fails to start. On macOS only this restricts it at all. */
    REQUIRE,
    /** Not at all. */
    OFF;

    /** The name as users write it: {@code auto}, {@code require}, {@code off}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
