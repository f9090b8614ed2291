/** The {@code mlx4j} command line; only in the cli jar. */
@NullMarked
package io.github.mlx4j.cli;

import org.jspecify.annotations.NullMarked;
