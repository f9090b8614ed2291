/** Files as every file system has them: listing, deleting, comparing paths, and atomic writes. Not API. */
@NullMarked
package io.github.mlx4j.internal.files;

import org.jspecify.annotations.NullMarked;
