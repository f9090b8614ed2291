/** Config files and weight headers of model folders. Not API. */
@NullMarked
package io.github.mlx4j.internal.model;

import org.jspecify.annotations.NullMarked;
