package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.SafetensorsHeader.Tensor;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The combined information in the headers of all weight files.
 *
 * @param bytes the total size of the tensors
 * @param dtypes the number of bytes by data type, largest first
 * @param parameters the number of parameters, or {@code null} if the weights are packed in an unknown way
 * @param valueBytes the number of bytes per value in computations, and therefore in the KV cache
 */
record WeightFacts(
        long bytes, Map<String, Long> dtypes, @Nullable Long parameters, int valueBytes) {

    private static final String WEIGHT = ".weight";
    private static final Map<String, Integer> COMPUTED_IN = Map.of("F32", 4, "F16", 2, "BF16", 2);

    static WeightFacts of(List<Tensor> tensors, @Nullable Quantization quantization, JsonNode config) {
        Map<String, Long> sums = new HashMap<>();
        tensors.forEach(tensor -> sums.merge(tensor.dtype(), tensor.bytes(), Long::sum));
        Map<String, Long> dtypes = new LinkedHashMap<>();
        sums.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .forEach(entry -> dtypes.put(entry.getKey(), entry.getValue()));
        Long parameters;
        if (tensors.isEmpty()) {
            parameters = null;
        } else if (quantization == null) {
            parameters = tensors.stream().mapToLong(Tensor::elements).sum();
        } else {
            parameters = quantization.method().equals("mlx") ? unpacked(tensors, quantization, config) : null;
        }
        return new WeightFacts(
                tensors.stream().mapToLong(Tensor::bytes).sum(), dtypes, parameters, valueBytes(dtypes, config));
    }

    /**
     * Counts parameters of a model quantized by MLX. MLX packs the weights of a layer with scales into 32-bit words;
     * scales and biases are not parameters.
     */
    private static @Nullable Long unpacked(List<Tensor> tensors, Quantization quantization, JsonNode config) {
        Set<String> quantized = new HashSet<>();
        for (Tensor tensor : tensors) {
            if (tensor.name().endsWith(".scales")) {
                quantized.add(tensor.name().substring(0, tensor.name().length() - ".scales".length()));
            }
        }
        long sum = 0;
        for (Tensor tensor : tensors) {
            int dot = tensor.name().lastIndexOf('.');
            String layer = dot < 0 ? "" : tensor.name().substring(0, dot);
            if (!quantized.contains(layer)) {
                sum += tensor.elements();
            } else if (tensor.name().endsWith(WEIGHT)) {
                Integer own = ConfigJson.size(config.path("quantization").path(layer), "bits");
                Integer bits = own == null ? quantization.bits() : own;
                if (bits == null) {
                    return null;
                }
                sum += tensor.bytes() * 8 / bits;
            } else if (tensor.name().endsWith(".bias")) {
                sum += tensor.elements();
            }
        }
        return sum;
    }

    private static int valueBytes(Map<String, Long> dtypes, JsonNode config) {
        for (String dtype : dtypes.keySet()) {
            if (COMPUTED_IN.containsKey(dtype)) {
                return COMPUTED_IN.get(dtype);
            }
        }
        String stated = config.path("dtype").asText(config.path("torch_dtype").asText());
        return stated.equals("float32") ? 4 : 2;
    }
}
