package io.github.mlx4j.internal.process;

import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Timeouts of a worker, and the listeners to notify.
 *
 * @param hello until its first line
 * @param loadStall without any sign of life while it loads
 * @param silence without any progress while it is busy; after that, the worker is considered hung
 * @param idle without a request before it is stopped; zero means never
 * @param journal a file to which events are appended, or {@code null}
 * @param onEvent is notified of the worker's events, or {@code null}; must not throw
 * @param onMemory is notified of the worker's memory use, or {@code null}; must not throw
 * @param memoryPeriod how often memory use is measured
 */
public record WorkerLimits(
        Duration hello,
        Duration loadStall,
        Duration silence,
        Duration idle,
        @Nullable Path journal,
        @Nullable Consumer<WorkerStatus.Event> onEvent,
        @Nullable Consumer<WorkerMemory> onMemory,
        Duration memoryPeriod) {

    /** The defaults: 20 s, 10 min, 2 min, never, no journal, no listeners, 10 s. */
    public static final WorkerLimits STANDARD = new WorkerLimits(
            Duration.ofSeconds(20),
            Duration.ofMinutes(10),
            Duration.ofMinutes(2),
            Duration.ZERO,
            null,
            null,
            null,
            Duration.ofSeconds(10));
}
