package io.github.mlx4j.generation;

/**
 * A call that the model began to write, but not in a form that can be read.
 *
 * @param text what it wrote between the marks of a call
 * @param reason why it can't be read
 */
public record MalformedToolCall(String text, String reason) {}
