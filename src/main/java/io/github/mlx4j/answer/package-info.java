/** Typed answers: Java and Kotlin types as JSON schemas, and JSON as their instances. */
@NullMarked
package io.github.mlx4j.answer;

import org.jspecify.annotations.NullMarked;
