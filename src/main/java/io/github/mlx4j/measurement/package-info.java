/** What a model takes on this machine: time, memory and power, of one provider beside another. */
@NullMarked
package io.github.mlx4j.measurement;

import org.jspecify.annotations.NullMarked;
