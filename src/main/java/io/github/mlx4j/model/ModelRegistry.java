package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Models by name: the defaults, and which model of the hub stands for another one in transformers. */
public final class ModelRegistry {

    /** The model of the mlx worker where none is named. */
    public static final String DEFAULT_MLX = "mlx-community/Phi-3-mini-4k-instruct-4bit";

    private static final Map<String, String> COUNTERPARTS = Map.of(DEFAULT_MLX, "microsoft/Phi-3-mini-4k-instruct");

    private ModelRegistry() {}

    /**
     * What transformers can load in place of a model of the mlx worker: the same folder, unless it is quantized in
     * MLX's own format; for a model of the hub the one that it was made from, where that is known.
     */
    public static Optional<String> hfCounterpart(String mlxModel) {
        Path folder = Path.of(mlxModel);
        if (Files.isDirectory(folder)) {
            return isQuantizedForMlx(folder) ? Optional.empty() : Optional.of(mlxModel);
        }
        return mlxModel.startsWith("mlx-community/")
                ? Optional.ofNullable(COUNTERPARTS.get(mlxModel))
                : Optional.of(mlxModel);
    }

    private static boolean isQuantizedForMlx(Path folder) {
        try {
            return new JsonMapper()
                    .readTree(folder.resolve("config.json").toFile())
                    .has("quantization");
        } catch (IOException unreadable) {
            return false; // the worker will say what is wrong with it
        }
    }
}
