package io.github.mlx4j.internal.json;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Reads and writes the JSON of a run's files and of the protocol: paths and enums as users write them, {@code null}
 * omitted.
 */
public final class TrainingJson {

    public static final JsonMapper LINE = JsonMapper.builder()
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
            .addModule(texts())
            .build();

    public static final JsonMapper PAGE =
            LINE.rebuild().enable(SerializationFeature.INDENT_OUTPUT).build();

    private TrainingJson() {}

    /**
     * Parses a JSON object.
     *
     * @throws ConfigurationException if the text is invalid; the message names its origin {@code where} and the field
     */
    public static <T> T read(String json, Class<T> type, String where) {
        try {
            T value = LINE.readValue(json, type);
            if (value == null) {
                throw new ConfigurationException(where + " is not a JSON object.", "Correct the JSON.");
            }
            return value;
        } catch (UnrecognizedPropertyException unknown) {
            throw new ConfigurationException(
                    "%s has an unknown field '%s'.".formatted(where, unknown.getPropertyName()),
                    "Correct the name of the field, or remove it.");
        } catch (JsonMappingException wrong) {
            for (Throwable cause = wrong.getCause(); cause != null; cause = cause.getCause()) {
                if (cause instanceof Mlx4jException refused) {
                    throw refused;
                }
            }
            String field = wrong.getPath().stream()
                    .map(JsonMappingException.Reference::getFieldName)
                    .filter(name -> name != null)
                    .collect(Collectors.joining("."));
            throw new ConfigurationException(
                    "%s can't be read%s: %s"
                            .formatted(where, field.isEmpty() ? "" : " at " + field, wrong.getOriginalMessage()),
                    "Correct the JSON.");
        } catch (JsonProcessingException damaged) {
            throw new ConfigurationException(
                    where + " is not valid JSON: " + damaged.getOriginalMessage(), "Correct the JSON.", damaged);
        }
    }

    private static SimpleModule texts() {
        SimpleModule module = new SimpleModule();
        text(module, Path.class, Path::toString, Path::of);
        text(module, Duration.class, Duration::toString, Duration::parse);
        text(module, Dtype.class, Dtype::id, id -> one(Dtype.values(), Dtype::id, id));
        text(module, ProviderKind.class, ProviderKind::id, id -> one(ProviderKind.values(), ProviderKind::id, id));
        return module;
    }

    private static <E> E one(E[] values, Function<E, String> id, String wanted) {
        return Arrays.stream(values)
                .filter(value -> id.apply(value).equals(wanted))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'%s' is not one of %s"
                        .formatted(wanted, Arrays.stream(values).map(id).collect(Collectors.joining(", ")))));
    }

    private static <T> void text(
            SimpleModule module, Class<T> type, Function<T, String> write, Function<String, T> read) {
        module.addSerializer(type, new StdSerializer<>(type) {
            @Override
            public void serialize(T value, JsonGenerator out, SerializerProvider provider) throws IOException {
                out.writeString(write.apply(value));
            }
        });
        module.addDeserializer(type, new StdDeserializer<>(type) {
            @Override
            public T deserialize(JsonParser in, DeserializationContext context) throws IOException {
                String text = context.readValue(in, String.class);
                try {
                    return read.apply(text);
                } catch (IllegalArgumentException wrong) {
                    throw JsonMappingException.from(in, String.valueOf(wrong.getMessage()), wrong);
                }
            }
        });
    }
}
