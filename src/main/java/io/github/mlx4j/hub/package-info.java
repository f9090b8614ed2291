/** Models from the Hugging Face Hub: downloads, the cache, and what is known without a download. */
@NullMarked
package io.github.mlx4j.hub;

import org.jspecify.annotations.NullMarked;
