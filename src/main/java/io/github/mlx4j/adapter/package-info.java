/** Text generation, tokens and vectors from worker processes, and the fallback between them. */
@NullMarked
package io.github.mlx4j.adapter;

import org.jspecify.annotations.NullMarked;
