package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code saveCheckpoint}, {@code loadCheckpoint}, {@code saveAdapter} and {@code saveModel}.
 *
 * @param folder the folder's absolute path
 * @param format {@code peft} or {@code mlx}, or {@code null} for the default
 */
public record FolderParams(String folder, @Nullable String format) {}
