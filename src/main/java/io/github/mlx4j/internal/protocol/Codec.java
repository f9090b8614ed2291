package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Converts messages to JSON-RPC 2.0 lines and back. Writes ASCII only, so that no character, not even an unpaired
 * surrogate, can break a line. Stateless and thread-safe.
 */
public final class Codec {

    private static final int MAX_DIGITS = 5000; // Python rejects integers with more than 4300

    /** A worker may omit empty lists and maps, unless the record requires them. */
    private static final JsonSetter.Value EMPTY_IF_MISSING = JsonSetter.Value.forValueNulls(Nulls.AS_EMPTY);

    static final JsonMapper JSON = JsonMapper.builder(factory())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(SerializationFeature.WRAP_EXCEPTIONS) // our own exceptions reach the caller unwrapped
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .addModule(new ApiModule())
            .withConfigOverride(List.class, list -> list.setSetterInfo(EMPTY_IF_MISSING))
            .withConfigOverride(Map.class, map -> map.setSetterInfo(EMPTY_IF_MISSING))
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .build();

    /** Matches the ID in a response line, which may be truncated: workers write it immediately after the version. */
    private static final Pattern ANSWER_ID =
            Pattern.compile("\\{\\s*\"jsonrpc\"\\s*:\\s*\"2\\.0\"\\s*,\\s*\"id\"\\s*:\\s*\"([^\"\\\\]*)\"");

    private static final int HEAD_BYTES = 256;

    private Codec() {}

    /** Sets Jackson's limits to those of the protocol, or so high that no line reaches them. */
    private static JsonFactory factory() {
        return JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(Bounds.MAX_DEPTH)
                        .maxStringLength(Bounds.MAX_LINE_BYTES)
                        .maxNameLength(Bounds.MAX_LINE_BYTES)
                        .maxNumberLength(MAX_DIGITS)
                        .build())
                .streamWriteConstraints(StreamWriteConstraints.builder()
                        .maxNestingDepth(Bounds.MAX_DEPTH)
                        .build())
                .build();
    }

    /**
     * Returns the method and params of a call, as a JSON object to which {@link #line} adds the ID.
     *
     * @throws InvalidRequestException if it is longer or more deeply nested than {@link Bounds} allows
     */
    static byte[] body(String method, Object params) {
        Line body = new Line();
        try {
            JSON.writeValue(body, new Body(method, params));
        } catch (StreamConstraintsException tooDeep) {
            throw new InvalidRequestException(
                    "The JSON of the request is nested more than %d levels deep.".formatted(Bounds.MAX_DEPTH),
                    "Use a flatter schema, or flatter tool parameters or arguments.",
                    tooDeep);
        } catch (LineTooLongException tooLong) {
            throw tooLong(tooLong);
        } catch (IOException error) {
            if (error.getCause() instanceof InvalidRequestException refused) { // thrown by one of our serializers
                throw refused;
            }
            throw new IllegalStateException("an outgoing message can't be written as JSON", error);
        }
        return body.bytes.toByteArray();
    }

    private record Body(String method, Object params) {}

    /**
     * Returns the line of a call, including the LF.
     *
     * @throws InvalidRequestException if it is longer than {@link Bounds} allows
     */
    static byte[] line(String id, byte[] body) {
        try {
            return join("{\"jsonrpc\":\"2.0\",\"id\":" + JSON.writeValueAsString(id) + ",", body);
        } catch (IOException tooLong) {
            throw tooLong(tooLong);
        }
    }

    /** Returns the line of a notification, including the LF. */
    public static byte[] notification(String method, Object params) {
        try {
            return join("{\"jsonrpc\":\"2.0\",", body(method, params));
        } catch (IOException tooLong) {
            throw tooLong(tooLong);
        }
    }

    /** Replaces the opening brace of an object by a head with additional fields. */
    private static byte[] join(String head, byte[] body) throws IOException {
        Line line = new Line();
        line.write(head.getBytes(StandardCharsets.US_ASCII));
        line.write(body, 1, body.length - 1);
        line.bytes.write('\n');
        return line.bytes.toByteArray();
    }

    private static InvalidRequestException tooLong(IOException cause) {
        return new InvalidRequestException(
                "The request is longer than %,d bytes, which is the maximum for a worker."
                        .formatted(Bounds.MAX_LINE_BYTES),
                "Send a shorter prompt, or fewer texts at once.",
                cause);
    }

    /** Parses a line without its LF. Never throws: an invalid line becomes {@link Inbound.Junk}. */
    public static Inbound decode(byte[] line) {
        try {
            JsonNode message = JSON.readTree(line);
            if (message == null
                    || !message.isObject()
                    || !message.path("jsonrpc").asText().equals("2.0")) {
                return new Inbound.Junk("not a JSON-RPC 2.0 object");
            }
            JsonNode id = message.path("id");
            if (message.path("method").isTextual()) {
                return new Inbound.Notification(message.get("method").textValue(), message.path("params"));
            }
            if (message.has("error")) {
                return new Inbound.Failure(id.textValue(), read(message.get("error"), Inbound.WorkerError.class));
            }
            if (id.isTextual() && message.has("result")) {
                return new Inbound.Answer(id.textValue(), message.get("result"));
            }
            return new Inbound.Junk("neither a response nor a notification");
        } catch (IOException | IllegalArgumentException error) {
            return new Inbound.Junk(String.valueOf(error.getMessage()));
        }
    }

    /** Returns the ID of the call that a line responds to, even if the line is truncated or can't be parsed. */
    public static Optional<String> answeredId(byte[] line) {
        String head = new String(line, 0, Math.min(line.length, HEAD_BYTES), StandardCharsets.US_ASCII);
        Matcher matcher = ANSWER_ID.matcher(head);
        return matcher.lookingAt() ? Optional.of(matcher.group(1)) : Optional.empty();
    }

    /**
     * Parses a JSON object.
     *
     * @throws IllegalArgumentException if the text is not a JSON object
     */
    public static JsonNode object(String json) {
        try {
            JsonNode node = JSON.readTree(json);
            if (node == null || !node.isObject()) {
                throw new IllegalArgumentException("it is not a JSON object");
            }
            return node;
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException(error.getOriginalMessage(), error);
        }
    }

    /** Returns the path and value of the first number in a schema that exceeds {@link Bounds#MAX_SCHEMA_NUMBER}. */
    public static Optional<String> unsafeNumber(JsonNode schema) {
        return unsafeNumber("", schema);
    }

    private static Optional<String> unsafeNumber(String path, JsonNode node) {
        if (node.isNumber()) {
            return Math.abs(node.doubleValue()) <= Bounds.MAX_SCHEMA_NUMBER
                    ? Optional.empty()
                    : Optional.of("%.40s at %.200s".formatted(node.asText(), path));
        }
        if (node.isObject()) {
            return node.properties().stream()
                    .map(field -> unsafeNumber(path + "/" + field.getKey(), field.getValue()))
                    .flatMap(Optional::stream)
                    .findFirst();
        }
        return IntStream.range(0, node.size())
                .mapToObj(i -> unsafeNumber(path + "/" + i, node.get(i)))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /**
     * Converts a part of a message to a record.
     *
     * @throws IllegalArgumentException if it does not match
     */
    public static <T> T read(JsonNode node, Class<T> type) {
        try {
            T part = JSON.treeToValue(node, type);
            if (part == null) {
                throw new IllegalArgumentException("null instead of " + type.getSimpleName());
            }
            return part;
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException(error.getOriginalMessage(), error);
        }
    }

    private static final class LineTooLongException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /** Buffers a line, and fails if it becomes too long. */
    private static final class Line extends OutputStream {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            if (bytes.size() + length > Bounds.MAX_LINE_BYTES) {
                throw new LineTooLongException();
            }
            bytes.write(from, offset, length);
        }
    }
}
