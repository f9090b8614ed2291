package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import org.jspecify.annotations.Nullable;

/** Reads config.json as both libraries do. */
final class Config {

    private static final String[] CONTEXT = {
        "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "model_max_length"
    };

    private Config() {}

    /** The part on the language model, where the config has others too. */
    static JsonNode text(JsonNode config) {
        JsonNode text = config.path("text_config");
        return text.isObject() && !text.isEmpty() ? text : config;
    }

    /** The first of the names that has a whole number above 0. */
    static @Nullable Integer size(JsonNode config, String... names) {
        for (String name : names) {
            JsonNode value = config.path(name);
            if (value.isIntegralNumber() && value.canConvertToInt() && value.intValue() > 0) {
                return value.intValue();
            }
        }
        return null;
    }

    static @Nullable Integer contextLength(JsonNode config) {
        Integer own = size(config, CONTEXT);
        return own != null ? own : size(config.path("text_config"), CONTEXT);
    }

    static @Nullable String string(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return value.isTextual() && !value.textValue().isEmpty() ? value.textValue() : null;
    }

    /** Whether a field is there and not null or false. */
    static boolean isSet(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return !value.isMissingNode() && !value.isNull() && !(value.isBoolean() && !value.booleanValue());
    }

    /** Whether a field is there and what Python takes for true. */
    static boolean isTrue(JsonNode config, String name) {
        JsonNode value = config.path(name);
        return value.isContainerNode()
                ? !value.isEmpty()
                : isSet(config, name) && !value.asText().isEmpty() && !(value.isNumber() && value.asDouble() == 0);
    }
}
