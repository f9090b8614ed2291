package io.github.mlx4j.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A record, or a Kotlin data class, as the type of a structured answer. It provides the JSON schema and parses the JSON
 * into an instance. {@link TextGenerationPort#generate(GenerationRequest, Class)} does this in one call; use this class
 * directly to stream the text of such an answer, for example.
 *
 * <p>A component may be a {@code String}, a {@code boolean}, a {@code byte}, {@code short}, {@code int}, {@code long},
 * {@code float} or {@code double} or its boxed type, a {@code BigDecimal}, an enum, a {@code LocalDate}, an
 * {@code Instant}, another record (recursion is allowed), a {@code List} or {@code Set} of these, a {@code Map} from
 * {@code String} to these, or an {@code Optional} of any of them. All components are required, except those of type
 * {@code Optional} or with JSpecify's {@code @Nullable} on the type. {@link Description} and {@link Size} add details;
 * other annotations have no effect.
 *
 * <p>Kotlin data classes require kotlin-reflect on the class path. Nullable properties and properties with a default
 * value are optional.
 *
 * <p>Immutable and thread-safe.
 *
 * @param <T> the record or data class
 */
public final class AnswerType<T> {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private final Class<T> type;
    private final ObjectNode schema;
    private final Shape shape;

    private AnswerType(Class<T> type, Shape shape, ObjectNode schema) {
        this.type = type;
        this.shape = shape;
        this.schema = schema;
    }

    /**
     * Creates the answer type for a record or data class.
     *
     * @throws InvalidRequestException if the class is neither a record nor a data class, or if a component has an
     *     unsupported type; the message names the component
     */
    public static <T> AnswerType<T> of(Class<T> type) {
        ShapeReader reader = new ShapeReader(type);
        Shape shape = reader.root();
        return new AnswerType<>(type, shape, reader.schema(shape));
    }

    /** Returns the JSON schema, with the components in declaration order. */
    public String schema() {
        return schema.toString();
    }

    /** Returns the response format that restricts the answer to this schema. */
    public ResponseFormat responseFormat() {
        return ResponseFormat.jsonSchema(schema());
    }

    /**
     * Returns the request with the schema appended to its last user message. The response format alone constrains the
     * model's output but does not tell the model what is expected. A request without a user message is returned
     * unchanged.
     */
    public GenerationRequest described(GenerationRequest request) {
        if (!(request.prompt() instanceof Prompt.Chat chat)) {
            return request;
        }
        List<Message> messages = new ArrayList<>(chat.messages());
        for (int i = messages.size() - 1; i >= 0; i--) {
            if (messages.get(i).role() == Message.Role.USER) {
                messages.set(
                        i,
                        Message.user(messages.get(i).content() + "\n\nAnswer with one JSON object of this JSON "
                                + "schema, and with nothing else:\n" + schema()));
                return request.toBuilder().prompt(new Prompt.Chat(messages)).build();
            }
        }
        return request;
    }

    /**
     * Returns a request for an answer of this type: the {@link #described} request with the {@link #responseFormat()}.
     *
     * @throws InvalidRequestException if the request already has a response format
     */
    public GenerationRequest asked(GenerationRequest request) {
        if (request.responseFormat() != null) {
            throw new InvalidRequestException(
                    "The request has a response format, but the schema of %s would replace it."
                            .formatted(type.getSimpleName()),
                    "Remove the response format from the request.");
        }
        return described(request).toBuilder().responseFormat(responseFormat()).build();
    }

    /**
     * Parses an answer.
     *
     * @throws UnreadableAnswerException as in {@link #read(String)}, or if the answer was truncated
     */
    public T read(GenerationResult answer) {
        return read(answer.text(), answer.finishReason() == FinishReason.LENGTH);
    }

    /**
     * Parses the JSON in a text. Only the part from the first brace to the last is read, so that text around the JSON,
     * such as a code fence, does no harm. Unknown members are ignored. If the record has a single component that is a
     * list, a bare JSON array is accepted too.
     *
     * @throws UnreadableAnswerException if there is no such JSON, or if the record's constructor throws an exception
     */
    public T read(String text) {
        return read(text, false);
    }

    private T read(String text, boolean cut) {
        try {
            return type.cast(shape.read(json(text), ""));
        } catch (SchemaMismatch misfit) {
            throw unreadable(misfit.getMessage(), text, cut, misfit.getCause());
        } catch (JsonEOFException error) {
            throw unreadable("its JSON is incomplete", text, cut, error);
        } catch (JsonProcessingException error) {
            throw unreadable(error.getOriginalMessage(), text, cut, error);
        }
    }

    private JsonNode json(String text) throws JsonProcessingException, SchemaMismatch {
        int brace = text.indexOf('{');
        int bracket = text.indexOf('[');
        String list = onlyList();
        if (list != null && bracket >= 0 && (brace < 0 || bracket < brace)) {
            return JSON.createObjectNode().set(list, part(text, bracket, ']'));
        }
        if (brace < 0) {
            throw SchemaMismatch.at("", "it contains no JSON object");
        }
        return part(text, brace, '}');
    }

    private static JsonNode part(String text, int begin, char end) throws JsonProcessingException {
        return JSON.readTree(text.substring(begin, Math.max(begin, text.lastIndexOf(end)) + 1));
    }

    private @Nullable String onlyList() {
        Iterator<Map.Entry<String, JsonNode>> components =
                schema.path("properties").properties().iterator();
        if (!components.hasNext()) {
            return null;
        }
        Map.Entry<String, JsonNode> first = components.next();
        boolean alone =
                !components.hasNext() && first.getValue().path("type").asText().equals("array");
        return alone ? first.getKey() : null;
    }

    private UnreadableAnswerException unreadable(
            @Nullable String what, String text, boolean cut, @Nullable Throwable cause) {
        String name = type.getSimpleName();
        return cut
                ? new UnreadableAnswerException(
                        "The answer can't be read as %s: it was cut off at the token limit.".formatted(name),
                        "Raise maxTokens, use a model with a larger context, or bound strings and lists with @Size.",
                        text,
                        cause)
                : new UnreadableAnswerException(
                        "The answer can't be read as %s: %s.".formatted(name, what),
                        "Call text() to see the answer; try again, or use another model.",
                        text,
                        cause);
    }
}
