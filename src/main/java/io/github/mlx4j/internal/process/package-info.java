/** A worker's process: scripts, environment, sandbox, private folder, lines. Not API. */
@NullMarked
package io.github.mlx4j.internal.process;

import org.jspecify.annotations.NullMarked;
