package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.json.JsonAnyOfSchema;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonNullSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SchemasTest {

    @Test
    void shouldGiveTheJsonOfEveryKindOfElement() throws Exception {
        JsonObjectSchema schema = JsonObjectSchema.builder()
                .description("d")
                .addStringProperty("s", "ds")
                .addIntegerProperty("i")
                .addNumberProperty("n")
                .addBooleanProperty("b")
                .addEnumProperty("e", List.of("x", "y"))
                .addProperty(
                        "l",
                        JsonArraySchema.builder().items(new JsonStringSchema()).build())
                .addProperty("any", new JsonArraySchema.Builder().build())
                .addProperty(
                        "o",
                        JsonAnyOfSchema.builder()
                                .anyOf(new JsonStringSchema(), new JsonNullSchema())
                                .build())
                .addProperty(
                        "r", JsonReferenceSchema.builder().reference("node").build())
                .addProperty("raw", JsonRawSchema.from("{\"type\": \"string\", \"maxLength\": 3}"))
                .addProperty("map", JsonObjectSchema.builder().build())
                .addProperty(
                        "open",
                        JsonObjectSchema.builder()
                                .addStringProperty("s")
                                .additionalProperties(true)
                                .build())
                .required("s", "i")
                .definitions(Map.of("node", new JsonStringSchema()))
                .build();

        JsonMapper json = new JsonMapper();
        assertThat(json.readTree(Schemas.closed(schema))).isEqualTo(json.readTree("""
                        {"type": "object", "properties": {
                            "s": {"type": "string", "description": "ds"},
                            "i": {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
                            "n": {"type": "number", "minimum": -9007199254740991, "maximum": 9007199254740991,
                                  "multipleOf": 1e-8},
                            "b": {"type": "boolean"},
                            "e": {"type": "string", "enum": ["x", "y"]},
                            "l": {"type": "array", "items": {"type": "string"}},
                            "any": {"type": "array"},
                            "o": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                            "r": {"$ref": "#/$defs/node"},
                            "raw": {"type": "string", "maxLength": 3},
                            "map": {"type": "object", "properties": {}, "required": []},
                            "open": {"type": "object", "properties": {"s": {"type": "string"}}, "required": [],
                                     "additionalProperties": true}},
                         "required": ["s", "i"], "additionalProperties": false,
                         "$defs": {"node": {"type": "string"}}, "description": "d"}"""));
    }

    @Test
    void shouldRefuseWhatItDoesNotKnow() {
        JsonSchemaElement unknown = () -> null;

        assertThatExceptionOfType(UnsupportedFeatureException.class).isThrownBy(() -> Schemas.json(unknown));
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> Schemas.json(JsonRawSchema.from("{")));
    }
}
