/** JSON as files of runs and the protocol have it. Not API. */
@NullMarked
package io.github.mlx4j.internal.json;

import org.jspecify.annotations.NullMarked;
