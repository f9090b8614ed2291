/** What is known of models without loading them. */
@NullMarked
package io.github.mlx4j.model;

import org.jspecify.annotations.NullMarked;
