package io.github.mlx4j;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;

/** What the folder of a LoRA adapter says of itself. */
final class AdapterFolder {

    private AdapterFolder() {}

    /** Whether it is one of PEFT, which both workers can load; another one is left to the mlx worker. */
    static boolean isPeft(Path folder) {
        try {
            return new JsonMapper()
                    .readTree(folder.resolve("adapter_config.json").toFile())
                    .has("peft_type");
        } catch (IOException unreadable) {
            return false; // the worker will say what is wrong with it
        }
    }
}
