package io.github.mlx4j.model;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Determines which files of a folder contain weights. */
final class Weights {

    static final String SUFFIX = ".safetensors";
    static final String INDEX = ".safetensors.index.json";
    static final String ROUTER = "router.safetensors";
    static final String WRAPPER = "foundation_model.";

    private static final List<String> PICKLES = List.of(".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle");

    private static final Pattern EXPERT = Pattern.compile(".+\\.lora_[AB]\\.expert_\\d+\\.weight");

    private Weights() {}

    /** Returns the safetensors files directly in the folder. */
    static List<String> topLevel(ModelFolder folder) {
        return folder.names().stream().filter(name -> name.endsWith(SUFFIX)).toList();
    }

    /** Returns the safetensors files that the loader for a format reads, as paths within the folder. */
    static List<String> of(ModelFolder folder, ModelFormat format) {
        return switch (format) {
            case PEFT_ADAPTER -> present(folder, "adapter_model.safetensors");
            case MLX_ADAPTER -> present(folder, "adapters.safetensors");
            case DYLORA_CHECKPOINT, DYLORA_SEPARATED ->
                Stream.concat(
                                Experts.folders(folder).stream().map(expert -> expert + "/adapter_model.safetensors"),
                                Stream.of(ROUTER))
                        .filter(folder::has)
                        .toList();
            case GGUF, UNKNOWN -> List.of();
            case HF, MLX, MLX_QUANTIZED, DYLORA_WRAPPED, DYLORA_BASE_CONFIG -> ofModel(folder);
        };
    }

    /**
     * Returns the files named in the index, or else model.safetensors, or else the files that mlx-lm reads, or else all
     * files, so that additional copies are not counted twice.
     */
    private static List<String> ofModel(ModelFolder folder) {
        TreeSet<String> indexed = new TreeSet<>();
        folder.json("model" + INDEX).path("weight_map").forEach(file -> indexed.add(file.asText()));
        List<String> files = new ArrayList<>(topLevel(folder));
        if (files.stream().anyMatch(indexed::contains)) {
            files.retainAll(indexed);
        } else if (files.contains("model" + SUFFIX)) {
            return List.of("model" + SUFFIX);
        } else if (files.stream().anyMatch(Weights::isForMlx)) {
            files.removeIf(name -> !isForMlx(name));
        }
        return List.copyOf(files);
    }

    /** Returns whether mlx-lm reads a file. It reads all files with such names and ignores the index. */
    static boolean isForMlx(String name) {
        return name.startsWith("model") && name.endsWith(SUFFIX);
    }

    static boolean isPickle(String name) {
        return PICKLES.stream().anyMatch(name::endsWith);
    }

    /** Returns whether a file contains weights of DyLoRA-MoE experts, or of the router. */
    static boolean hasExperts(ModelFolder folder, String name) {
        return folder.header(name)
                .filter(header -> header.tensors().stream()
                        .anyMatch(tensor -> tensor.name().startsWith("router.gate.")
                                || EXPERT.matcher(tensor.name()).matches()))
                .isPresent();
    }

    private static List<String> present(ModelFolder folder, String name) {
        return folder.has(name) ? List.of(name) : List.of();
    }
}
