package io.github.mlx4j.model.registry;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.model.DisplayText;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Parses a registry: {@code {"models": […]}}, where each model has the fields of {@link RegisteredModel} and no others.
 */
final class RegistryFile {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES, DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .build();

    private record Models(List<RegisteredModel> models) {

        Models {
            if (models == null) {
                throw new IllegalArgumentException("there is no list of models");
            }
            for (RegisteredModel one : models) {
                if (one == null) {
                    throw new IllegalArgumentException("a model is null");
                }
            }
        }
    }

    private RegistryFile() {}

    /**
     * Parses the models in a JSON text.
     *
     * @param name the name of the file, for messages
     * @throws ConfigurationException if the text is not a valid registry; the message has the line, the field and the
     *     reason
     */
    static List<RegisteredModel> read(String json, String name) {
        try {
            Models models = JSON.readValue(json, Models.class);
            if (models == null) {
                throw wrong(name, "it is null", null);
            }
            return List.copyOf(models.models());
        } catch (JsonMappingException error) {
            throw wrong(name, where(error) + reason(error), error);
        } catch (IOException error) {
            String at = error instanceof JsonProcessingException malformed ? line(malformed.getLocation()) : "";
            throw wrong(name, at + DisplayText.reason(error), error);
        }
    }

    private static String reason(JsonMappingException error) {
        if (error.getOriginalMessage().startsWith("Cannot map `null`")) {
            return "it is missing";
        }
        Throwable cause = error instanceof ValueInstantiationException ? error.getCause() : null;
        return cause == null || cause.getMessage() == null
                ? DisplayText.reason(error)
                : DisplayText.text(cause.getMessage());
    }

    private static String where(JsonMappingException error) {
        String field = error.getPath().stream()
                .map(step ->
                        step.getFieldName() == null ? "[%d]".formatted(step.getIndex()) : "." + step.getFieldName())
                .collect(Collectors.joining());
        return line(error.getLocation()) + (field.isEmpty() ? "" : field.substring(1) + ": ");
    }

    private static String line(JsonLocation at) {
        return at == null ? "" : "line %d: ".formatted(at.getLineNr());
    }

    private static ConfigurationException wrong(String name, String what, @Nullable Throwable cause) {
        return new ConfigurationException(
                "%s is no registry of models: %s.".formatted(name, what),
                "Correct it (docs/models.md has the format), or move it away.",
                cause);
    }
}
