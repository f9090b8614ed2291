/** For the tests of programs that use mlx4j: models that say what a script says, without Python. */
@NullMarked
package io.github.mlx4j.testing;

import org.jspecify.annotations.NullMarked;
