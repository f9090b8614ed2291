package io.github.mlx4j.port;

/**
 * Hears how much memory a worker takes. It is called on a thread of its own, once after the worker's start and then
 * again and again, never twice at a time for one worker; what it throws is logged.
 */
@FunctionalInterface
public interface MemoryListener {

    /** What a worker has now. */
    void onMemory(ProviderKind worker, WorkerMemory memory);
}
