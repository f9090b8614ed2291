/** Commands for model folders: inspect, convert, fuse, verify and the model cache. */
@NullMarked
package io.github.mlx4j.cli.models;

import org.jspecify.annotations.NullMarked;
