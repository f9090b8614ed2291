/** A single worker: its calls, restarts and supervision. Not API. */
@NullMarked
package io.github.mlx4j.internal.worker;

import org.jspecify.annotations.NullMarked;
