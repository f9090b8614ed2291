package io.github.mlx4j.model;

import java.nio.file.Path;
import java.util.List;

/**
 * Inspects a model folder: its format, sizes and memory footprint, and what is dangerous or damaged. It reads config
 * files and the headers of weights, opens nothing that may run code, writes nothing, and needs no Python. Whether a
 * worker would load the folder is for {@code LoadCheck} to say. Thread-safe.
 */
public final class ModelInspector {

    private ModelInspector() {}

    /**
     * Inspects a folder, or a {@code *.gguf} file. What is wrong with it is in the result.
     *
     * @throws io.github.mlx4j.error.ModelNotFoundException if there is no such folder
     * @throws io.github.mlx4j.error.ModelLoadException if the folder can't be listed
     */
    public static ModelInspection inspect(Path folder) {
        return inspect(folder, false);
    }

    /** The same; {@code allowPickles} lets experts and routers of DyLoRA-MoE be pickles. */
    public static ModelInspection inspect(Path folder, boolean allowPickles) {
        return new FolderInspection(ModelFolder.open(folder), allowPickles, List.of()).result();
    }
}
