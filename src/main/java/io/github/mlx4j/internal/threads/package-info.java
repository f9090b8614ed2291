/** Daemon threads that keep no reference to a caller's class loader. Not API. */
@NullMarked
package io.github.mlx4j.internal.threads;

import org.jspecify.annotations.NullMarked;
