/**
 * Models made out of models, on this machine: training (a session of single calls, runs in folders), conversion,
 * quantization, and adapters merged into their base.
 */
@NullMarked
package io.github.mlx4j.training;

import org.jspecify.annotations.NullMarked;
