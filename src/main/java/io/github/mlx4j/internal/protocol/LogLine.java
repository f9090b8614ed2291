package io.github.mlx4j.internal.protocol;

/**
 * A log record of the worker itself.
 *
 * @param level {@code debug}, {@code info}, {@code warning}, {@code error} or {@code critical}
 * @param logger the logger's name
 * @param message the text
 */
public record LogLine(String level, String logger, String message) {}
