package io.github.mlx4j.generation;

import java.util.List;

/**
 * A parameter of a model.
 *
 * @param name its name in the engine
 * @param shape its dimensions
 * @param dtype its dtype, such as {@code float32}
 */
public record Parameter(String name, List<Integer> shape, String dtype) {

    /** Takes an immutable copy. */
    public Parameter {
        shape = List.copyOf(shape);
    }
}
