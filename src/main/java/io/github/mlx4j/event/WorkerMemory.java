package io.github.mlx4j.event;

import java.util.OptionalLong;

/**
 * What a worker has of the machine's memory, in bytes; empty is not known.
 *
 * @param active in use by the engine, by its own count
 * @param peak the most that was in use
 * @param cache held by the engine for later use; empty where it has no such cache
 * @param resident what the whole process uses: on Linux its resident pages, on macOS its footprint with what it has of
 *     the GPU
 */
public record WorkerMemory(OptionalLong active, OptionalLong peak, OptionalLong cache, OptionalLong resident) {}
