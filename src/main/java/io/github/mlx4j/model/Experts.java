package io.github.mlx4j.model;

import io.github.mlx4j.internal.files.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;

/** The experts of a DyLoRA-MoE model: {@code peft_adapters/expert_i}, either PEFT folders or pickles. */
final class Experts {

    static final String ROOT = "peft_adapters";
    private static final Pattern FOLDER = Pattern.compile("expert_\\d{1,6}");
    private static final Pattern PICKLE = Pattern.compile("expert_\\d{1,6}\\.pt");

    private Experts() {}

    /**
     * Returns the adapter folders. PEFT saves a named adapter in a subfolder with that name, so the name may occur
     * twice in the path.
     */
    static List<String> folders(ModelFolder folder) {
        return names(folder, FOLDER).stream()
                .map(name -> {
                    String outer = ROOT + "/" + name;
                    String nested = outer + "/" + name;
                    return folder.has(nested + "/adapter_config.json") ? nested : outer;
                })
                .toList();
    }

    static boolean any(ModelFolder folder) {
        return !names(folder, FOLDER).isEmpty();
    }

    static boolean pickled(ModelFolder folder) {
        return !pickles(folder).isEmpty();
    }

    static List<String> pickles(ModelFolder folder) {
        return names(folder, PICKLE);
    }

    private static List<String> names(ModelFolder folder, Pattern pattern) {
        if (!Files.isDirectory(folder.path().resolve(ROOT))) {
            return List.of();
        }
        try {
            return FileTree.list(folder.path().resolve(ROOT)).stream()
                    .map(entry -> entry.getFileName().toString())
                    .filter(pattern.asMatchPredicate())
                    .sorted(Comparator.comparingInt(String::length).thenComparing(name -> name))
                    .toList();
        } catch (IOException unreadable) {
            return List.of();
        }
    }
}
