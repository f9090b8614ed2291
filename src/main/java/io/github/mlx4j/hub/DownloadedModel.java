package io.github.mlx4j.hub;

import java.nio.file.Path;

/**
 * A model that is in the hub's cache.
 *
 * @param folder where it is
 * @param revision its commit
 * @param bytes of its files
 */
public record DownloadedModel(Path folder, String revision, long bytes) {}
