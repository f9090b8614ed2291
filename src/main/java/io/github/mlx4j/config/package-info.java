/** Configuration of the workers: models, devices, memory limits, sandboxes and restarts. */
@NullMarked
package io.github.mlx4j.config;

import org.jspecify.annotations.NullMarked;
