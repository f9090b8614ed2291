/** What can go wrong: one family of unchecked exceptions, one final type and one stable code per kind. */
@NullMarked
package io.github.mlx4j.error;

import org.jspecify.annotations.NullMarked;
