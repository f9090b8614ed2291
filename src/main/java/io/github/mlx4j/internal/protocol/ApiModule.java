package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.BeanProperty;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.deser.ContextualDeserializer;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.databind.type.TypeFactory;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The JSON format of API types in the protocol, where it differs from their components. */
final class ApiModule extends SimpleModule {

    private static final long serialVersionUID = 1L;

    ApiModule() {
        setMixInAnnotation(GenerationRequest.class, RequestJson.class);
        setMixInAnnotation(Prompt.Raw.class, RawJson.class);
        setMixInAnnotation(Prompt.Tokens.class, TokensJson.class);
        setMixInAnnotation(Message.class, MessageJson.class);
        setMixInAnnotation(Sampling.class, SamplingJson.class);
        setMixInAnnotation(ResponseFormat.class, ResponseFormatJson.class);
        setMixInAnnotation(ResponseFormat.JsonSchema.class, JsonSchemaJson.class);
        setMixInAnnotation(ToolSpec.class, ToolSpecJson.class);
        setMixInAnnotation(ToolCall.class, ToolCallJson.class);
        setMixInAnnotation(Timings.class, TimingsJson.class);
        setMixInAnnotation(Score.class, ScoreJson.class);
        setMixInAnnotation(Parameter.class, ParameterJson.class);
        setMixInAnnotation(Backend.class, BackendJson.class);
        setMixInAnnotation(WorkerMemory.class, WorkerMemoryJson.class);
        addDeserializer(Optional.class, new OptionalOf());
        addDeserializer(
                OptionalInt.class, or(OptionalInt.class, OptionalInt.empty(), in -> OptionalInt.of(in.getIntValue())));
        addDeserializer(
                OptionalDouble.class,
                or(OptionalDouble.class, OptionalDouble.empty(), in -> OptionalDouble.of(in.getDoubleValue())));
        addDeserializer(
                OptionalLong.class,
                or(OptionalLong.class, OptionalLong.empty(), in -> OptionalLong.of(in.getLongValue())));
        names(EmbeddingDetails.Origin.class, EmbeddingDetails.Origin.values());
        names(Message.Role.class, Message.Role.values());
        names(FinishReason.class, FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH);
    }

    interface RequestJson {
        @JsonUnwrapped
        Prompt prompt();

        @JsonInclude(JsonInclude.Include.NON_EMPTY)
        List<ToolSpec> tools();

        @JsonIgnore // deadlines are enforced by Java
        Duration deadline();
    }

    interface RawJson {
        @JsonProperty("prompt")
        String text();
    }

    interface TokensJson {
        @JsonProperty("tokens")
        List<Integer> ids();
    }

    interface MessageJson {
        @JsonInclude(JsonInclude.Include.NON_EMPTY)
        List<ToolCall> toolCalls();
    }

    interface SamplingJson {
        @JsonInclude(JsonInclude.Include.NON_EMPTY)
        Map<Integer, Double> logitBias();
    }

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = ResponseFormat.Json.class, name = "json"),
        @JsonSubTypes.Type(value = ResponseFormat.JsonSchema.class, name = "jsonSchema"),
        @JsonSubTypes.Type(value = ResponseFormat.Regex.class, name = "regex"),
        @JsonSubTypes.Type(value = ResponseFormat.Choice.class, name = "choice")
    })
    interface ResponseFormatJson {}

    interface JsonSchemaJson {
        @JsonSerialize(using = ObjectText.class)
        String schema();
    }

    interface ToolSpecJson {
        @JsonSerialize(using = ObjectText.class)
        String parameters();
    }

    interface ToolCallJson {
        @Required
        @JsonSerialize(using = ObjectText.class)
        @JsonDeserialize(using = TextOfJson.class)
        String arguments();
    }

    interface TimingsJson {
        @JsonProperty("queueMs")
        @JsonDeserialize(using = Milliseconds.class)
        Duration queue();

        @JsonProperty("prefillMs")
        @JsonDeserialize(using = Milliseconds.class)
        Duration prefill();

        @JsonProperty("firstTokenMs")
        @JsonDeserialize(using = Milliseconds.class)
        Duration firstToken();

        @JsonProperty("decodeMs")
        @JsonDeserialize(using = Milliseconds.class)
        Duration decode();
    }

    interface ScoreJson {
        @Required
        int promptTokens();

        @Required
        List<Integer> tokens();

        @Required
        List<Double> logProbs();

        @Required
        boolean greedy();
    }

    interface ParameterJson {
        @Required
        String name();

        @Required
        List<Integer> shape();

        @Required
        String dtype();
    }

    interface BackendJson {
        @Required
        ProviderKind provider();

        @Required
        String model();

        @Required
        String device();
    }

    interface WorkerMemoryJson {
        @JsonProperty("activeBytes")
        OptionalLong active();

        @JsonProperty("peakBytes")
        OptionalLong peak();

        @JsonProperty("cacheBytes")
        OptionalLong cache();

        @JsonProperty("residentBytes")
        OptionalLong resident();
    }

    /** Writes an enum in camel case, and accepts these values when reading. */
    @SafeVarargs
    private <E extends Enum<E>> void names(Class<E> type, E... values) {
        addSerializer(type, new StdSerializer<>(type) {
            @Override
            public void serialize(E value, JsonGenerator out, SerializerProvider provider) throws IOException {
                out.writeString(camelCase(value));
            }
        });
        addDeserializer(type, new StdDeserializer<>(type) {
            @Override
            public E deserialize(JsonParser in, DeserializationContext context) throws IOException {
                String name = in.getText();
                return Arrays.stream(values)
                        .filter(value -> camelCase(value).equals(name))
                        .findFirst()
                        .orElseThrow(() ->
                                new IllegalArgumentException("unknown %s: %s".formatted(type.getSimpleName(), name)));
            }
        });
    }

    private static String camelCase(Enum<?> value) {
        String[] words = value.name().split("_");
        StringBuilder name = new StringBuilder(words[0].toLowerCase(Locale.ROOT));
        for (String word : Arrays.asList(words).subList(1, words.length)) {
            name.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
        }
        return name.toString();
    }

    private interface Reading<T> {
        T read(JsonParser in) throws IOException;
    }

    /** Reads a value, or returns {@code empty} if it is missing. */
    private static <T> JsonDeserializer<T> or(Class<T> type, T empty, Reading<T> reading) {
        return new StdDeserializer<>(type) {
            @Override
            public T deserialize(JsonParser in, DeserializationContext context) throws IOException {
                return reading.read(in);
            }

            @Override
            public T getNullValue(DeserializationContext context) {
                return empty;
            }
        };
    }

    /** Reads a value that may be missing. */
    private static final class OptionalOf extends StdDeserializer<Optional<?>> implements ContextualDeserializer {
        private static final long serialVersionUID = 1L;

        private final JavaType content;

        OptionalOf() {
            this(TypeFactory.unknownType());
        }

        private OptionalOf(JavaType content) {
            super(Optional.class);
            this.content = content;
        }

        @Override
        public JsonDeserializer<?> createContextual(DeserializationContext context, @Nullable BeanProperty property) {
            return new OptionalOf(context.getContextualType().containedTypeOrUnknown(0));
        }

        @Override
        public Optional<?> deserialize(JsonParser in, DeserializationContext context) throws IOException {
            return Optional.of(context.readValue(in, content));
        }

        @Override
        public Optional<?> getNullValue(DeserializationContext context) {
            return Optional.empty();
        }
    }

    /** Writes text that contains a JSON object as that object. */
    static final class ObjectText extends StdSerializer<String> {
        private static final long serialVersionUID = 1L;

        ObjectText() {
            super(String.class);
        }

        @Override
        public void serialize(String json, JsonGenerator out, SerializerProvider provider) throws IOException {
            Object owner = out.currentValue();
            JsonNode object = object(owner, json);
            if (owner instanceof ResponseFormat) {
                checkNumbers(object);
            }
            provider.defaultSerializeValue(object, out);
        }

        private static JsonNode object(Object owner, String json) {
            try {
                return Codec.object(json);
            } catch (IllegalArgumentException error) {
                throw new InvalidRequestException(
                        describe(owner) + " must be a JSON object: " + error.getMessage(), "Correct the JSON.", error);
            }
        }

        private static String describe(Object owner) {
            if (owner instanceof ToolCall call) {
                return "The arguments of the call to " + call.name();
            }
            return owner instanceof ToolSpec tool
                    ? "The parameters of the tool " + tool.name()
                    : "The response format's schema";
        }

        private static void checkNumbers(JsonNode schema) {
            Codec.unsafeNumber(schema).ifPresent(number -> {
                throw new InvalidRequestException(
                        "The response format's schema contains the number %s, but numbers in a schema must be between %,d and %,d."
                                .formatted(number, -Bounds.MAX_SCHEMA_NUMBER, Bounds.MAX_SCHEMA_NUMBER),
                        "Use a number in this range, or leave it out.");
            });
        }
    }

    /** Reads JSON as text. */
    static final class TextOfJson extends StdDeserializer<String> {
        private static final long serialVersionUID = 1L;

        TextOfJson() {
            super(String.class);
        }

        @Override
        public String deserialize(JsonParser in, DeserializationContext context) throws IOException {
            return context.readTree(in).toString();
        }
    }

    /** Reads a duration in milliseconds. */
    static final class Milliseconds extends StdDeserializer<Duration> {
        private static final long serialVersionUID = 1L;

        Milliseconds() {
            super(Duration.class);
        }

        @Override
        public Duration deserialize(JsonParser in, DeserializationContext context) throws IOException {
            return Duration.ofNanos(Math.round(in.getDoubleValue() * 1_000_000));
        }
    }
}
