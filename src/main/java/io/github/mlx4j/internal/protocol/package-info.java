/** The messages of the protocol as records, and their codec. Not API. */
@NullMarked
package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.NullMarked;
