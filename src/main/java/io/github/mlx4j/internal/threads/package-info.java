/** Threads of this library's own. They are daemons and keep no class loader of a caller's. */
@NullMarked
package io.github.mlx4j.internal.threads;

import org.jspecify.annotations.NullMarked;
