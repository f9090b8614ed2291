package io.github.mlx4j.cli.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.UncheckedIOException;

/** Writes the JSON that commands print. */
public final class Json {

    private static final JsonMapper LINE = new JsonMapper();
    private static final JsonMapper PAGE =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Json() {}

    /** Returns a value as indented JSON, for a command that prints one object. */
    public static String text(Object value) {
        return write(PAGE, value);
    }

    /** Returns a value as JSON in one line, for a command that prints one line per result. */
    public static String line(Object value) {
        return write(LINE, value);
    }

    private static String write(JsonMapper mapper, Object value) {
        try {
            return mapper.writeValueAsString(value);
        } catch (JsonProcessingException error) {
            throw new UncheckedIOException(error);
        }
    }
}
