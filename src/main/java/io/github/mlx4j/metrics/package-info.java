/**
 * Metrics for Micrometer, with names from OpenTelemetry's semantic conventions for generative AI. Requires
 * {@code io.micrometer:micrometer-core}, which mlx4j does not include as a dependency.
 */
@NullMarked
package io.github.mlx4j.metrics;

import org.jspecify.annotations.NullMarked;
