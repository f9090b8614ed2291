package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code parameters}.
 *
 * @param parameters the model's parameters
 */
public record ParametersResult(List<ParameterData> parameters) {
    /** Takes an immutable copy. */
    public ParametersResult {
        parameters = List.copyOf(Objects.requireNonNull(parameters, "there are no parameters"));
    }

    /**
     * A parameter.
     *
     * @param name its name
     * @param shape its dimensions
     * @param dtype its type
     */
    public record ParameterData(String name, List<Integer> shape, String dtype) {
        /** There must be all. */
        public ParameterData {
            Objects.requireNonNull(name, "a parameter has no name");
            Objects.requireNonNull(dtype, "a parameter has no dtype");
            shape = List.copyOf(Objects.requireNonNull(shape, "a parameter has no shape"));
        }
    }
}
