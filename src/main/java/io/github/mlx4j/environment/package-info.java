/** Python environments: find, probe, create and check them. */
@NullMarked
package io.github.mlx4j.environment;

import org.jspecify.annotations.NullMarked;
