package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.model.SafetensorsHeader.Tensor;
import io.github.mlx4j.port.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Looks at adapters, and at the experts and the router of DyLoRA-MoE. */
final class ExpertChecks {

    private static final String AGAIN = "Download or copy it again.";
    private static final String PLAIN = "Use a plain LoRA.";
    private static final String PICKLE_FIX =
            "Allow pickles if you trust whoever made it, or convert it to *.safetensors.";

    private ExpertChecks() {}

    static List<Problem> ofAdapter(ModelFolder folder, ModelFormat format) {
        List<Problem> problems = new ArrayList<>();
        if (format == ModelFormat.MLX_ADAPTER) {
            adapter(folder, "", "adapters.safetensors", "num_layers", problems);
            problems.add(Problem.broken(
                            "%s is an adapter as mlx-lm writes it, which transformers can't read."
                                    .formatted(folder.path()),
                            "Use the mlx worker, or an adapter that PEFT wrote.")
                    .only(ProviderKind.HF));
        } else {
            adapter(folder, "", "adapter_model.safetensors", "peft_type", problems);
            kind(folder, "", problems);
        }
        return problems;
    }

    /** Experts as PEFT wrote them, and the router beside them. */
    static List<Problem> ofFolders(ModelFolder folder, Map<String, Object> metadata, boolean allowPickles) {
        List<Problem> problems = new ArrayList<>();
        List<String> experts = Experts.folders(folder);
        for (String expert : experts) {
            adapter(folder, expert + "/", "adapter_model.safetensors", "peft_type", problems);
            kind(folder, expert + "/", problems);
        }
        count(folder, metadata, experts.size(), problems);
        if (folder.has(Weights.ROUTER)) {
            whole(folder, Weights.ROUTER, problems);
        } else {
            router(folder, allowPickles, problems);
        }
        return problems;
    }

    /** Experts as pickles. */
    static List<Problem> ofPickles(ModelFolder folder, Map<String, Object> metadata, boolean allowPickles) {
        List<Problem> problems = new ArrayList<>();
        List<String> experts = Experts.pickles(folder);
        count(folder, metadata, experts.size(), problems);
        if (!allowPickles) {
            problems.add(Problem.unsafe(
                    "%s has its experts as pickles (peft_adapters/expert_*.pt), which can run code when read."
                            .formatted(folder.path()),
                    PICKLE_FIX));
            return problems;
        }
        problems.add(Problem.broken(
                        "%s has its experts as pickles, which only the hf worker can read.".formatted(folder.path()),
                        "Use the hf worker, or convert the experts to *.safetensors.")
                .only(ProviderKind.MLX));
        router(folder, true, problems);
        return problems;
    }

    /** The router of a model whose experts are among its weights. */
    static List<Problem> ofRouter(ModelFolder folder, List<Tensor> tensors, boolean allowPickles) {
        List<Problem> problems = new ArrayList<>();
        if (tensors.stream().noneMatch(tensor -> tensor.name().startsWith("router."))) {
            router(folder, allowPickles, problems);
        }
        return problems;
    }

    /** Without a router in safetensors; only hf has a use for one. */
    private static void router(ModelFolder folder, boolean allowPickles, List<Problem> problems) {
        Path parent = ModelFolder.real(folder.path()).getParent();
        String state = ModelFormat.DYLORA_STATE + "/router.pt";
        boolean pickled =
                folder.has("router.pt") || folder.has(state) || (parent != null && Files.exists(parent.resolve(state)));
        if (!pickled) {
            problems.add(Problem.broken(
                            "%s has no router (%s), so nothing chooses between its experts."
                                    .formatted(folder.path(), Weights.ROUTER),
                            AGAIN)
                    .only(ProviderKind.HF));
        } else if (!allowPickles) {
            problems.add(Problem.unsafe(
                            "%s has its router as a pickle (router.pt), which can run code when read."
                                    .formatted(folder.path()),
                            PICKLE_FIX)
                    .only(ProviderKind.HF));
        }
    }

    private static void adapter(
            ModelFolder folder, String prefix, String weights, String mark, List<Problem> problems) {
        try {
            JsonNode config = folder.readJson(prefix + "adapter_config.json");
            if (!config.has(mark)) {
                problems.add(Problem.broken(
                        "%sadapter_config.json in %s names no %s.".formatted(prefix, folder.path(), mark), AGAIN));
            }
        } catch (ModelLoadException unreadable) {
            problems.add(Problem.broken(unreadable.reason(), unreadable.hint()));
        }
        if (folder.has(prefix + weights)) {
            whole(folder, prefix + weights, problems);
        } else if (folder.has(prefix + "adapter_model.bin")) {
            problems.add(Problem.unsafe(
                    "%s has its weights as a pickle only (%sadapter_model.bin), which can run code when read."
                            .formatted(folder.path(), prefix),
                    "Use a copy with adapter_model.safetensors, or convert it."));
        } else {
            problems.add(Problem.broken("%s has no %s%s.".formatted(folder.path(), prefix, weights), AGAIN));
        }
    }

    /** Both workers take LoRA only. */
    private static void kind(ModelFolder folder, String prefix, List<Problem> problems) {
        JsonNode config = folder.json(prefix + "adapter_config.json");
        String type = config.path("peft_type").asText("LORA");
        String name = prefix.isEmpty() ? folder.path().toString() : "%s in %s".formatted(prefix, folder.path());
        if (!type.equals("LORA")) {
            problems.add(Problem.broken(
                    "%s is an adapter of the kind %s, and the workers take LoRA only."
                            .formatted(name, Shown.text(type)),
                    PLAIN));
        }
        for (String odd : List.of("alora_invocation_tokens", "megatron_config")) {
            if (Config.isTrue(config, odd)) {
                Problem problem =
                        Problem.broken("%s is a LoRA with %s, which can't be used.".formatted(name, odd), PLAIN);
                problems.add(
                        odd.startsWith("alora") ? problem : problem.only(ProviderKind.HF)); // mlx needs no megatron
            }
        }
    }

    private static void whole(ModelFolder folder, String file, List<Problem> problems) {
        try {
            folder.readHeader(file);
        } catch (ModelLoadException damaged) {
            problems.add(Problem.broken(damaged.reason(), damaged.hint()));
        }
    }

    private static void count(ModelFolder folder, Map<String, Object> metadata, int there, List<Problem> problems) {
        if (there == 0 || (metadata.get("experts") instanceof Number stated && stated.longValue() > there)) {
            problems.add(Problem.broken(
                    "%s has %d experts in peft_adapters, but its config.json names %s."
                            .formatted(folder.path(), there, metadata.getOrDefault("experts", "some")),
                    AGAIN));
        }
    }
}
