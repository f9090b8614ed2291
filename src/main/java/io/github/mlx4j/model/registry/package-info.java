/** The registry of known models, and estimates of the memory that a model needs. */
@NullMarked
package io.github.mlx4j.model.registry;

import org.jspecify.annotations.NullMarked;
