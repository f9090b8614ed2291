package io.github.mlx4j.hub;

import java.nio.file.Path;

/**
 * A model in the hub cache.
 *
 * @param folder the folder of the model
 * @param revision the commit
 * @param bytes the size of the files
 */
public record DownloadedModel(Path folder, String revision, long bytes) {}
