package io.github.mlx4j.generation;

/**
 * A tool call of the model that can't be parsed.
 *
 * @param text the text between the tool call markers
 * @param reason why it can't be parsed
 */
public record MalformedToolCall(String text, String reason) {}
