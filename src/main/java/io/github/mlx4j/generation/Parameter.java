package io.github.mlx4j.generation;

import java.util.List;

/**
 * A parameter of a model.
 *
 * @param name as its engine names it
 * @param shape its dimensions
 * @param dtype such as {@code float32}
 */
public record Parameter(String name, List<Integer> shape, String dtype) {

    /** Takes an immutable copy. */
    public Parameter {
        shape = List.copyOf(shape);
    }
}
