/** File trees, atomic writes and paths, with the same behaviour on all file systems. Not API. */
@NullMarked
package io.github.mlx4j.internal.files;

import org.jspecify.annotations.NullMarked;
