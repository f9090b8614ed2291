package io.github.mlx4j.generation;

/**
 * A tool call of the model. Your program validates the arguments and runs the tool; mlx4j runs nothing.
 *
 * @param id identifies the call; {@link Message#tool} refers to it
 * @param name the tool's name
 * @param arguments the arguments, a JSON object
 */
public record ToolCall(String id, String name, String arguments) {}
