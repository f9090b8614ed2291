package io.github.mlx4j.internal.model;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.internal.files.FileTree;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Reads config.json in the same way as mlx-lm and transformers. */
public final class ConfigJson {

    private static final int MAX_JSON_BYTES = 16 << 20;
    private static final int MAX_AUTHOR_BYTES = 1 << 20; // limit for generation_config.json; the workers have the same
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS) // as in Python's JSON
            .build();

    private static final String[] CONTEXT = {
        "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "model_max_length"
    };

    private ConfigJson() {}

    /** Reads a JSON file in a model folder, with a size limit because its content is untrusted. */
    public static JsonNode read(Path file) throws IOException {
        boolean author = file.endsWith("generation_config.json");
        return JSON.readTree(FileTree.read(file, author ? MAX_AUTHOR_BYTES : MAX_JSON_BYTES));
    }

    /** Returns the section about the language model, if the config has sections for several models. */
    public static JsonNode text(JsonNode config) {
        JsonNode text = config.path("text_config");
        return text.isObject() && !text.isEmpty() ? text : config;
    }

    /** Returns the value of the first of these fields that contains a positive integer. */
    public static @Nullable Integer size(JsonNode config, String... names) {
        for (String name : names) {
            JsonNode value = config.path(name);
            if (value.isIntegralNumber() && value.canConvertToInt() && value.intValue() > 0) {
                return value.intValue();
            }
        }
        return null;
    }

    public static @Nullable Integer contextLength(JsonNode config) {
        Integer own = size(config, CONTEXT);
        return own != null ? own : size(config.path("text_config"), CONTEXT);
    }

    public static @Nullable String string(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return value.isTextual() && !value.textValue().isEmpty() ? value.textValue() : null;
    }

    /** Returns whether a field exists and is neither null nor false. */
    public static boolean isSet(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return !value.isMissingNode() && !value.isNull() && !(value.isBoolean() && !value.booleanValue());
    }

    /** Returns whether a field exists and is true by Python's rules. */
    public static boolean isTrue(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return value.isContainerNode()
                ? !value.isEmpty()
                : isSet(config, name) && !value.asText().isEmpty() && !(value.isNumber() && value.asDouble() == 0);
    }
}
