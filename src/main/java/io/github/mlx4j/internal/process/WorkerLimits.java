package io.github.mlx4j.internal.process;

import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How long a worker may take, and how much it may have to do.
 *
 * @param hello until its first line
 * @param loadStall without any sign of life while it loads
 * @param silence without any movement while it has work to do; after it the worker counts as hung
 * @param idle without any request before it is stopped; zero is never
 * @param journal a file to which events are appended, or {@code null}
 * @param onEvent hears what happens to it, or {@code null}; must throw nothing
 * @param onMemory hears how much memory it takes, or {@code null}; must throw nothing
 * @param memoryPeriod how often it does
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

    /** 20 s, 10 min, 2 min, never, none, none, none, 10 s. */
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
