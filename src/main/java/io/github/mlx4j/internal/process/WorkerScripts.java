package io.github.mlx4j.internal.process;

import java.io.IOException;
import java.nio.file.Path;

/** Provides a worker's entry script. */
@FunctionalInterface
public interface WorkerScripts {

    /** Copies what the worker needs into this private folder, if necessary, and returns the entry script. */
    Path install(Path folder) throws IOException;

    /**
     * Returns the entry script for an interpreter. If its environment already contains the scripts, nothing is copied.
     */
    default Path install(Path folder, Path interpreter) throws IOException {
        return install(folder);
    }
}
