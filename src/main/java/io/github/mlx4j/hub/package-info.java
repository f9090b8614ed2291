/** Models on the Hugging Face Hub: downloads, the cache, and information without a download. */
@NullMarked
package io.github.mlx4j.hub;

import org.jspecify.annotations.NullMarked;
