/** The JSON format of run files and of the protocol. Not API. */
@NullMarked
package io.github.mlx4j.internal.json;

import org.jspecify.annotations.NullMarked;
