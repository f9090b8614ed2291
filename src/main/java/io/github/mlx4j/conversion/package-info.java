/** Convert and quantize models, fuse adapters into them, and prove that the result computes the same. */
@NullMarked
package io.github.mlx4j.conversion;

import org.jspecify.annotations.NullMarked;
