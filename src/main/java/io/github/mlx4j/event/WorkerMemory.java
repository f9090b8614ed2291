package io.github.mlx4j.event;

import java.util.OptionalLong;

/**
 * The memory of a worker, in bytes; empty if unknown.
 *
 * @param active in use by the engine, as it reports
 * @param peak the peak of {@code active}
 * @param cache cached by the engine for reuse; empty if it has no such cache
 * @param resident used by the whole process: its resident set on Linux, its physical footprint including GPU memory on
 *     macOS
 */
public record WorkerMemory(OptionalLong active, OptionalLong peak, OptionalLong cache, OptionalLong resident) {}
