package io.github.mlx4j.generation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import java.util.List;
import java.util.Map;

/**
 * The format of an answer. Decoding is constrained to it, and the answer ends when the text is complete. If the answer
 * reaches {@code maxTokens} or the end of the model's context first, its text is incomplete and the finish reason is
 * {@link FinishReason#LENGTH}.
 *
 * <p>Local workers also validate a finished {@link Json} or {@link JsonSchema} answer, independently of the constraint.
 * If it is invalid, the request fails with {@link io.github.mlx4j.error.UnreadableAnswerException}, which contains the
 * text.
 *
 * <p>Can't be combined with stop strings or tools. A switch outside this package needs a {@code default}.
 */
public sealed interface ResponseFormat {

    /** Any JSON object, without duplicate keys. */
    record Json() implements ResponseFormat {}

    /**
     * JSON that matches a schema, on one line. As in JSON Schema, objects may have properties that the schema does not
     * name, unless {@code additionalProperties} is false. A schema with a keyword or value that can't be enforced fails
     * with an error that names it.
     *
     * @param schema the JSON schema, a JSON object of at most 256 KiB
     */
    record JsonSchema(String schema) implements ResponseFormat {}

    /**
     * Text that matches a regular expression completely.
     *
     * @param pattern the expression in the syntax of Rust's {@code regex}; at most 64 KiB
     */
    record Regex(String pattern) implements ResponseFormat {}

    /**
     * One of several texts.
     *
     * @param choices the texts, none empty; 1 to 1024
     */
    record Choice(List<String> choices) implements ResponseFormat {
        /** Takes an immutable copy. */
        public Choice {
            choices = List.copyOf(choices);
        }
    }

    /** Any JSON object. */
    static ResponseFormat json() {
        return new Json();
    }

    /** JSON that matches a schema. */
    static ResponseFormat jsonSchema(String schema) {
        return new JsonSchema(schema);
    }

    /**
     * JSON that matches a schema.
     *
     * @param schema the JSON schema as maps, lists, strings, numbers and booleans
     * @throws InvalidRequestException if it can't be represented as JSON
     */
    static ResponseFormat jsonSchema(Map<String, ?> schema) {
        try {
            return new JsonSchema(new JsonMapper().writeValueAsString(schema));
        } catch (JsonProcessingException error) {
            throw new InvalidRequestException(
                    "The schema can't be represented as JSON: " + error.getOriginalMessage(),
                    "Use only maps, lists, strings, numbers and booleans.",
                    error);
        }
    }

    /** Text that matches a regular expression completely. */
    static ResponseFormat regex(String pattern) {
        return new Regex(pattern);
    }

    /** One of several texts. */
    static ResponseFormat choice(List<String> choices) {
        return new Choice(choices);
    }

    /** One of several texts. */
    static ResponseFormat choice(String... choices) {
        return new Choice(List.of(choices));
    }
}
