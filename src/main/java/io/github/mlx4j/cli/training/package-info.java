/** Commands that train, evaluate, compare and benchmark. */
@NullMarked
package io.github.mlx4j.cli.training;

import org.jspecify.annotations.NullMarked;
