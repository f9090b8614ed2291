/** Ports that are implemented by a worker process. */
@NullMarked
package io.github.mlx4j.adapter;

import org.jspecify.annotations.NullMarked;
