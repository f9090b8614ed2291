package io.github.mlx4j.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Checks adapters, and the experts and the router of DyLoRA-MoE models, for pickles and damaged files. */
final class ExpertChecks {

    private static final String PICKLE_FIX =
            "Allow pickles if you trust whoever made it, or convert it to *.safetensors.";

    private ExpertChecks() {}

    static List<Problem> ofAdapter(ModelFolder folder, ModelFormat format) {
        String weights = format == ModelFormat.MLX_ADAPTER ? "adapters.safetensors" : "adapter_model.safetensors";
        return adapter(folder, "", weights);
    }

    /** Checks experts in PEFT format, and the router next to them. */
    static List<Problem> ofFolders(ModelFolder folder, boolean allowPickles) {
        List<Problem> problems = new ArrayList<>();
        for (String expert : Experts.folders(folder)) {
            problems.addAll(adapter(folder, expert + "/", "adapter_model.safetensors"));
        }
        if (folder.has(Weights.ROUTER)) {
            folder.damage(Weights.ROUTER).ifPresent(problems::add);
        } else {
            router(folder, allowPickles).ifPresent(problems::add);
        }
        return problems;
    }

    /** Checks pickled experts. */
    static List<Problem> ofPickles(ModelFolder folder, boolean allowPickles) {
        return allowPickles
                ? List.of()
                : List.of(Problem.unsafe(
                        "%s has its experts as pickles (peft_adapters/expert_*.pt), which can run code when read."
                                .formatted(folder.path()),
                        PICKLE_FIX));
    }

    /** Checks for a pickled router if there is none in safetensors format. */
    static Optional<Problem> router(ModelFolder folder, boolean allowPickles) {
        Path parent = ModelFolder.real(folder.path()).getParent();
        String state = ModelFormat.DYLORA_STATE + "/router.pt";
        boolean pickled =
                folder.has("router.pt") || folder.has(state) || (parent != null && Files.exists(parent.resolve(state)));
        return pickled && !allowPickles
                ? Optional.of(Problem.unsafe(
                        "%s has its router as a pickle (router.pt), which can run code when read."
                                .formatted(folder.path()),
                        PICKLE_FIX))
                : Optional.empty();
    }

    private static List<Problem> adapter(ModelFolder folder, String prefix, String weights) {
        if (folder.has(prefix + weights)) {
            return folder.damage(prefix + weights).stream().toList();
        }
        return List.of(
                folder.has(prefix + "adapter_model.bin")
                        ? Problem.unsafe(
                                "%s has its weights as a pickle only (%sadapter_model.bin), which can run code when read."
                                        .formatted(folder.path(), prefix),
                                "Use a copy with adapter_model.safetensors, or convert it.")
                        : Problem.broken(
                                "%s has no %s%s.".formatted(folder.path(), prefix, weights),
                                "Download or copy it again."));
    }
}
