/** Unchecked exceptions with a common base class: one final type and one stable code for each kind of failure. */
@NullMarked
package io.github.mlx4j.error;

import org.jspecify.annotations.NullMarked;
