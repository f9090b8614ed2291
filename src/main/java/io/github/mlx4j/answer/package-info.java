/** Structured output: JSON schemas from Java and Kotlin types, and instances parsed from JSON. */
@NullMarked
package io.github.mlx4j.answer;

import org.jspecify.annotations.NullMarked;
