/**
 * Metrics for Micrometer, under the names of OpenTelemetry's conventions for generative AI. Needs
 * {@code io.micrometer:micrometer-core}, which mlx4j does not bring along.
 */
@NullMarked
package io.github.mlx4j.metrics;

import org.jspecify.annotations.NullMarked;
