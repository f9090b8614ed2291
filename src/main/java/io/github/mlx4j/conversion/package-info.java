/** Converts and quantizes models, merges adapters into them, and verifies that the result computes the same. */
@NullMarked
package io.github.mlx4j.conversion;

import org.jspecify.annotations.NullMarked;
