/** Finds, probes, creates and checks Python environments. */
@NullMarked
package io.github.mlx4j.environment;

import org.jspecify.annotations.NullMarked;
