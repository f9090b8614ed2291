package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * A call of a tool, in a result or in a chat.
 *
 * @param id tells it from others
 * @param name the tool's name
 * @param arguments an object
 */
public record ToolCallData(String id, String name, JsonNode arguments) {}
