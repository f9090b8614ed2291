/** Support for tests of programs that use mlx4j: models that answer from a script, without Python. */
@NullMarked
package io.github.mlx4j.testing;

import org.jspecify.annotations.NullMarked;
