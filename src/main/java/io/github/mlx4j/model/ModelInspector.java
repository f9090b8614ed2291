package io.github.mlx4j.model;

import java.nio.file.Path;
import java.util.List;

/**
 * Inspects a model folder: its format, sizes and memory footprint, and dangerous or damaged files. It reads config
 * files and the headers of weight files, opens nothing that may run code, writes nothing, and needs no Python. To find
 * out whether a worker would load the folder, use {@code LoadCheck}. Thread-safe.
 */
public final class ModelInspector {

    private ModelInspector() {}

    /**
     * Inspects a folder, or a {@code *.gguf} file. The result lists the problems found.
     *
     * @throws io.github.mlx4j.error.ModelNotFoundException if there is no such folder
     * @throws io.github.mlx4j.error.ModelLoadException if the folder can't be listed
     */
    public static ModelInspection inspect(Path folder) {
        return inspect(folder, false);
    }

    /**
     * Inspects a folder, or a {@code *.gguf} file. With {@code allowPickles}, pickled experts and routers of a
     * DyLoRA-MoE are not a problem.
     */
    public static ModelInspection inspect(Path folder, boolean allowPickles) {
        return new FolderInspection(ModelFolder.open(folder), allowPickles, List.of()).result();
    }
}
