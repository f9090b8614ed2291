package io.github.mlx4j.it;

/**
 * The maximum difference between two computations of the same values on the current device: the engines use the GPU on
 * macOS, and the CPU elsewhere. {@code python/engine_tests/tolerance.py} has the same values for the engine tests, and
 * explains them.
 */
public final class Tolerance {

    private static final double GPU_FACTOR = 100; // UNMEASURED
    private static final double GPU_LIMIT = 1e-2;

    private Tolerance() {}

    /** The largest difference allowed, which is {@code cpu} itself on a CPU. */
    public static double of(double cpu) {
        return of(cpu, System.getProperty("os.name").startsWith("Mac"));
    }

    static double of(double cpu, boolean gpu) {
        return gpu ? Math.max(cpu, Math.min(cpu * GPU_FACTOR, GPU_LIMIT)) : cpu;
    }
}
