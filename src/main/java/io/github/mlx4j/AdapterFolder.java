package io.github.mlx4j;

import io.github.mlx4j.model.ModelFormat;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Detects the format of a LoRA adapter folder. For a missing folder both checks return false, and the worker reports
 * the error.
 */
final class AdapterFolder {

    private AdapterFolder() {}

    /** Returns whether the folder holds a PEFT adapter, which both workers can load. */
    static boolean isOfPeft(Path folder) {
        return is(ModelFormat.PEFT_ADAPTER, folder);
    }

    /** Returns whether the folder holds an mlx-lm adapter, which only the mlx worker can load. */
    static boolean isOfMlxLm(Path folder) {
        return is(ModelFormat.MLX_ADAPTER, folder);
    }

    private static boolean is(ModelFormat format, Path folder) {
        return Files.isDirectory(folder) && ModelFormat.detect(folder) == format;
    }
}
