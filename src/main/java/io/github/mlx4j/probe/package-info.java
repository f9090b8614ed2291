/** What can run here, and if not, why not and what to do. */
@NullMarked
package io.github.mlx4j.probe;

import org.jspecify.annotations.NullMarked;
