package io.github.mlx4j.answer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The JSON form of a value, and how to convert it to Java.
 *
 * @param schema the JSON schema
 * @param reader converts JSON to the Java value
 */
record Shape(ObjectNode schema, Reader reader) {

    /** Converts JSON to a Java value. */
    @FunctionalInterface
    interface Reader {
        Object read(JsonNode json, String path) throws SchemaMismatch;
    }

    Object read(JsonNode json, String path) throws SchemaMismatch {
        return reader.read(json, path);
    }
}
