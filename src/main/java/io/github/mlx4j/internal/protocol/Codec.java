package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON-RPC 2.0 lines to messages and back. Writes ASCII only, so that no character, not even an unpaired surrogate, can
 * break a line. Stateless; thread-safe.
 */
public final class Codec {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .build();

    private Codec() {}

    /** The line of a call, LF included. */
    public static byte[] call(String id, String method, Object params) {
        return line(id, method, params);
    }

    /** The line of a notification, LF included. */
    public static byte[] notification(String method, Object params) {
        return line(null, method, params);
    }

    /** The message in a line without its LF. Never throws: what it can't read is {@link Inbound.Junk}. */
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
                return new Inbound.Failure(id.textValue(), read(message.get("error"), WorkerError.class));
            }
            if (id.isTextual() && message.has("result")) {
                return new Inbound.Answer(id.textValue(), message.get("result"));
            }
            return new Inbound.Junk("neither answer nor notification");
        } catch (IOException | IllegalArgumentException error) {
            return new Inbound.Junk(String.valueOf(error.getMessage()));
        }
    }

    /**
     * The JSON object in a text.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static JsonNode object(String json) {
        try {
            JsonNode node = JSON.readTree(json);
            if (node == null || !node.isObject()) {
                throw new IllegalArgumentException("it is no JSON object");
            }
            return node;
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException(error.getOriginalMessage(), error);
        }
    }

    /**
     * A part of a message as a record.
     *
     * @throws IllegalArgumentException if it doesn't fit
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

    private static byte[] line(@Nullable String id, String method, Object params) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("jsonrpc", "2.0");
        if (id != null) {
            message.put("id", id);
        }
        message.put("method", method);
        message.put("params", params);
        try {
            byte[] json = JSON.writeValueAsBytes(message);
            byte[] line = Arrays.copyOf(json, json.length + 1);
            line[json.length] = '\n';
            return line;
        } catch (JsonProcessingException error) {
            throw new IllegalStateException("a message of ours has no JSON form", error);
        }
    }
}
