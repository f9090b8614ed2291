/** Commands for Python environments: setup, doctor and verify-install. */
@NullMarked
package io.github.mlx4j.cli.environment;

import org.jspecify.annotations.NullMarked;
