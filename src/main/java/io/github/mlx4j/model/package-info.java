/** Inspection of model folders without loading them: formats, sizes and problems. */
@NullMarked
package io.github.mlx4j.model;

import org.jspecify.annotations.NullMarked;
