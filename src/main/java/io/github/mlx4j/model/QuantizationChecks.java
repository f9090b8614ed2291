package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.port.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which library reads which quantized weights. */
final class QuantizationChecks {

    private static final String FIX = "Use an unquantized copy, or one that mlx-lm quantized.";

    /** What transformers turns into plain weights by itself, where it has no faster way. */
    private static final Set<String> READ_BY_HF = Set.of("fp8", "mxfp4");

    /** Model types whose file in mlx-lm reads fp8 with its scales ({@code weight_scale_inv}). */
    private static final Set<String> FP8_IN_MLX = Set.of(
            "deepseek_v3",
            "deepseek_v32",
            "mimo_v2_flash",
            "minimax",
            "minimax_m3_vl",
            "ministral3",
            "mistral4",
            "kimi_k2", // these three are read by files of the others
            "joyai_llm_flash",
            "minimax_m2");

    private QuantizationChecks() {}

    static List<Problem> of(ModelFolder folder, Quantization quantization) {
        List<Problem> problems = new ArrayList<>();
        String method = quantization.method();
        if (method.equals("mlx")) {
            if (quantization.bits() == null || quantization.groupSize() == null) {
                problems.add(Problem.broken(
                                "config.json in %s has a quantization without bits and group_size."
                                        .formatted(folder.path()),
                                "Convert the model again.")
                        .only(ProviderKind.MLX));
            }
            problems.add(Problem.broken(
                            "%s is quantized in MLX's format, which transformers can't read.".formatted(folder.path()),
                            "Use the model that it was made from.")
                    .only(ProviderKind.HF));
            return problems;
        }
        String unread = unreadByMlx(folder.json("config.json"), method);
        if (unread != null) {
            problems.add(Problem.broken(
                            "%s is quantized with %s, which mlx-lm can't read.".formatted(folder.path(), unread), FIX)
                    .only(ProviderKind.MLX));
        }
        if (!READ_BY_HF.contains(method)) {
            problems.add(Problem.broken(
                            "%s is quantized with %s, which transformers reads only with packages that the hf worker's environment has not."
                                    .formatted(folder.path(), method),
                            FIX)
                    .only(ProviderKind.HF));
        }
        return problems;
    }

    /** What a verdict says of how a worker loads it; may be empty. */
    static String note(ProviderKind worker, @Nullable Quantization quantization) {
        return worker == ProviderKind.HF && quantization != null && READ_BY_HF.contains(quantization.method())
                ? "; without a GPU for %s its weights are turned into bfloat16".formatted(quantization.method())
                : "";
    }

    /** What mlx-lm does not read of it, as {@code load_model} in its utils.py has it; null if it reads all. */
    private static @Nullable String unreadByMlx(JsonNode config, String method) {
        JsonNode how = Quantization.byTransformers(config);
        return switch (method) {
            case "bitnet", "mxfp4", "mxfp8" -> null;
            case "awq", "gptq" -> how.path("bits").asInt(4) == 4 ? null : "%s in other than 4 bits".formatted(method);
            case "compressed-tensors" -> {
                String format = how.path("format").asText();
                yield Set.of("pack-quantized", "mxfp4-pack-quantized", "nvfp4-pack-quantized")
                                .contains(format)
                        ? null
                        : "%s in the format %s".formatted(method, Shown.text(format));
            }
            case "fp8" ->
                isMxfp8(how) || hasFile(config) ? null : "fp8 (but not in blocks of 32 × 32 with ue8m0 scales)";
            case "modelopt" -> {
                JsonNode settings = how.path("quantization").isObject() ? how.path("quantization") : how;
                String algorithm = settings.path("quant_algo").asText();
                yield algorithm.equals("NVFP4") ? null : "%s's %s".formatted(method, Shown.text(algorithm));
            }
            default -> method;
        };
    }

    private static boolean isMxfp8(JsonNode how) {
        JsonNode block = how.path("weight_block_size");
        return how.path("scale_fmt").asText().equals("ue8m0")
                && block.size() == 2
                && block.path(0).asInt() == 32
                && block.path(1).asInt() == 32;
    }

    /** Mistral's models of text and images have their text in a file of its own. */
    private static boolean hasFile(JsonNode config) {
        String type = config.path("model_type").asText();
        return FP8_IN_MLX.contains(
                type.equals("mistral3")
                        ? config.path("text_config").path("model_type").asText()
                        : type);
    }
}
