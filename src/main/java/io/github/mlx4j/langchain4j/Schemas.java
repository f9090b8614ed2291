package io.github.mlx4j.langchain4j;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.json.JsonAnyOfSchema;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonNullSchema;
import dev.langchain4j.model.chat.request.json.JsonNumberSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import java.util.Map;

/** Converts LangChain4j's JSON schema elements to JSON. */
final class Schemas {

    /** The limit of numbers: without one, a small model may write digits until it reaches {@code maxTokens}. */
    private static final long MAX_EXACT = (1L << 53) - 1;

    private static final double SMALLEST_STEP = 1e-8;

    private static final JsonMapper JSON = new JsonMapper();

    private Schemas() {}

    /** Returns the schema as JSON, for a model to read. */
    static String json(JsonSchemaElement element) {
        return node(element, false).toString();
    }

    /**
     * Returns the schema as JSON for constrained decoding. Objects that do not mention additional properties allow
     * none, and numbers are between -(2^53-1) and 2^53-1 with at most eight decimals. Otherwise a small model might
     * never finish.
     */
    static String closed(JsonSchemaElement element) {
        return node(element, true).toString();
    }

    private static JsonNode node(JsonSchemaElement element, boolean closed) {
        if (element instanceof JsonRawSchema raw) {
            return raw(raw.schema());
        }
        ObjectNode node = JSON.createObjectNode();
        if (element instanceof JsonObjectSchema object) {
            object(object, node.put("type", "object"), closed);
        } else if (element instanceof JsonArraySchema array) {
            node.put("type", "array");
            if (array.items() != null) {
                node.set("items", node(array.items(), closed));
            }
        } else if (element instanceof JsonEnumSchema choice) {
            ArrayNode values = node.put("type", "string").putArray("enum");
            choice.enumValues().forEach(values::add);
        } else if (element instanceof JsonAnyOfSchema any) {
            ArrayNode kinds = node.putArray("anyOf");
            any.anyOf().forEach(kind -> kinds.add(node(kind, closed)));
        } else if (element instanceof JsonReferenceSchema reference) {
            node.put("$ref", "#/$defs/" + reference.reference());
        } else {
            node.put("type", simple(element));
            if (closed && (element instanceof JsonIntegerSchema || element instanceof JsonNumberSchema)) {
                node.put("minimum", -MAX_EXACT).put("maximum", MAX_EXACT);
            }
            if (closed && element instanceof JsonNumberSchema) {
                node.put("multipleOf", SMALLEST_STEP);
            }
        }
        if (element.description() != null) {
            node.put("description", element.description());
        }
        return node;
    }

    private static void object(JsonObjectSchema object, ObjectNode node, boolean closed) {
        members(node.putObject("properties"), object.properties(), closed);
        ArrayNode required = node.putArray("required");
        object.required().forEach(required::add);
        if (object.additionalProperties() != null) {
            node.put("additionalProperties", object.additionalProperties());
        } else if (closed && !object.properties().isEmpty()) { // an object without properties is a map
            node.put("additionalProperties", false);
        }
        if (!object.definitions().isEmpty()) {
            members(node.putObject("$defs"), object.definitions(), closed);
        }
    }

    private static void members(ObjectNode node, Map<String, JsonSchemaElement> members, boolean closed) {
        members.forEach((name, member) -> node.set(name, node(member, closed)));
    }

    private static String simple(JsonSchemaElement element) {
        if (element instanceof JsonStringSchema) {
            return "string";
        }
        if (element instanceof JsonIntegerSchema) {
            return "integer";
        }
        if (element instanceof JsonNumberSchema) {
            return "number";
        }
        if (element instanceof JsonBooleanSchema) {
            return "boolean";
        }
        if (element instanceof JsonNullSchema) {
            return "null";
        }
        throw Requests.unsupported(
                "The schema element " + element.getClass().getSimpleName(), "it has no known JSON representation");
    }

    private static JsonNode raw(String schema) {
        try {
            return JSON.readTree(schema);
        } catch (JsonProcessingException error) {
            throw new InvalidRequestException("A raw schema is not valid JSON: " + error.getOriginalMessage(), error);
        }
    }
}
