/** The hardware of this machine, its available memory, and the choice of a backend. */
@NullMarked
package io.github.mlx4j.device;

import org.jspecify.annotations.NullMarked;
