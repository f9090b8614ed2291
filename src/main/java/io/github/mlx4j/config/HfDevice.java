package io.github.mlx4j.config;

import java.util.Locale;

/**
 * The device on which the hf worker runs a model. A device counts only if a small computation on it gives the right
 * result.
 */
public enum HfDevice {
    /** The first of CUDA, MPS and the CPU that computes; a GPU that is there but doesn't is a warning of the load. */
    AUTO,
    /** An NVIDIA GPU; loading fails if it doesn't compute. */
    CUDA,
    /** A Mac's GPU; loading fails if it doesn't compute. */
    MPS,
    /** The CPU. */
    CPU;

    /** The name as users write it: {@code auto}, {@code cuda}, {@code mps}, {@code cpu}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
