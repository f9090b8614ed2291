package io.github.mlx4j.internal.process;

import java.io.IOException;
import java.nio.file.Path;

/** Where a worker's entry script comes from. */
@FunctionalInterface
public interface WorkerScripts {

    /** Puts what the worker needs into this private folder, if it must, and returns the entry script. */
    Path install(Path folder) throws IOException;

    /** The same for an interpreter, whose environment may have the scripts already; then nothing is put anywhere. */
    default Path install(Path folder, Path interpreter) throws IOException {
        return install(folder);
    }
}
