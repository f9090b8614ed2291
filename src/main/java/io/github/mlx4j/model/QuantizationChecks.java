package io.github.mlx4j.model;

import io.github.mlx4j.port.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Which library reads which quantized weights. */
final class QuantizationChecks {

    /** What mlx-lm reads of what transformers' tools write. */
    private static final Set<String> READ_BY_MLX =
            Set.of("bitnet", "mxfp4", "mxfp8", "fp8", "compressed-tensors", "modelopt", "awq", "gptq");

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
        String fix = "Use an unquantized copy, or one that mlx-lm quantized.";
        if (!READ_BY_MLX.contains(method)) {
            problems.add(Problem.broken(
                            "%s is quantized with %s, which mlx-lm can't read.".formatted(folder.path(), method), fix)
                    .only(ProviderKind.MLX));
        }
        problems.add(Problem.broken(
                        "%s is quantized with %s, which transformers reads only with packages that the hf worker's environment has not."
                                .formatted(folder.path(), method),
                        fix)
                .only(ProviderKind.HF));
        return problems;
    }
}
