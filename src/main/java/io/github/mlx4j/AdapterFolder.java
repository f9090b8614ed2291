package io.github.mlx4j;

import io.github.mlx4j.model.ModelFormat;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the folder of a LoRA adapter is; one that is not there is neither, and the worker will say so. */
final class AdapterFolder {

    private AdapterFolder() {}

    /** Whether it is an adapter of PEFT, which both workers can load. */
    static boolean isOfPeft(Path folder) {
        return is(ModelFormat.PEFT_ADAPTER, folder);
    }

    /** Whether it is an adapter of mlx-lm, which only the mlx worker can load. */
    static boolean isOfMlxLm(Path folder) {
        return is(ModelFormat.MLX_ADAPTER, folder);
    }

    private static boolean is(ModelFormat format, Path folder) {
        return Files.isDirectory(folder) && ModelFormat.detect(folder) == format;
    }
}
