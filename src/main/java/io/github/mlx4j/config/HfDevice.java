package io.github.mlx4j.config;

import java.util.Locale;

/** The device on which the hf worker runs a model. A device is used only if it computes a small test correctly. */
public enum HfDevice {
    /**
     * The first of CUDA, MPS and the CPU that computes correctly. A GPU that is present but fails the test causes a
     * load warning.
     */
    AUTO,
    /** An NVIDIA GPU. Loading fails if it doesn't compute correctly. */
    CUDA,
    /** The GPU of a Mac. Loading fails if it doesn't compute correctly. */
    MPS,
    /** The CPU. */
    CPU;

    /** Returns the name as users write it: {@code auto}, {@code cuda}, {@code mps}, {@code cpu}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
