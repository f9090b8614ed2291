package io.github.mlx4j.generation;

/**
 * A call that the model made. What it is given is for the program to check and to run; mlx4j runs nothing.
 *
 * @param id tells it from other calls; {@link Message#tool} refers to it
 * @param name the tool's name
 * @param arguments what the tool is given, a JSON object
 */
public record ToolCall(String id, String name, String arguments) {}
