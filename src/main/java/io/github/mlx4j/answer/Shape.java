package io.github.mlx4j.answer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a value is as JSON, and how it becomes Java's.
 *
 * @param schema its JSON schema
 * @param reader from JSON to the value
 */
record Shape(ObjectNode schema, Reader reader) {

    /** From JSON to a value. */
    @FunctionalInterface
    interface Reader {
        Object read(JsonNode json, String path) throws SchemaMismatch;
    }

    Object read(JsonNode json, String path) throws SchemaMismatch {
        return reader.read(json, path);
    }
}
