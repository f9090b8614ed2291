/** Which provider or backend gives an answer, and for which role. */
@NullMarked
package io.github.mlx4j.provider;

import org.jspecify.annotations.NullMarked;
