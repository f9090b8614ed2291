package io.github.mlx4j.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A line of a prompt or task file.
 *
 * @param file the file's name, for messages
 * @param number the line's number, starting at 1
 * @param text the line without its line terminator
 */
record JsonLine(String file, int number, String text) {

    /** The fields that can hold the prompt. A line has exactly one of them. */
    static final Set<String> PROMPTS = Set.of("prompt", "messages", "tokens");

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /**
     * Reads the lines of a UTF-8 file that are not blank. A byte order mark and CRLF are accepted.
     *
     * @throws InvalidRequestException if the file can't be read, is not UTF-8, or has only blank lines
     */
    static List<JsonLine> read(Path file) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
                    .toString();
            List<JsonLine> lines = of(file.toString(), text);
            if (lines.isEmpty()) {
                throw new InvalidRequestException(file + " is empty.", "Add one line for each prompt or task.");
            }
            return lines;
        } catch (CharacterCodingException malformed) {
            throw new InvalidRequestException(file + " is not UTF-8.", "Save it as UTF-8.", malformed);
        } catch (IOException unreadable) {
            throw new InvalidRequestException(
                    file + " can't be read: " + unreadable, "Give the path of an existing file.", unreadable);
        }
    }

    /** Returns the lines of a text that are not blank. */
    static List<JsonLine> of(String file, String text) {
        String[] all = (text.startsWith("\uFEFF") ? text.substring(1) : text).split("\n");
        List<JsonLine> lines = new ArrayList<>();
        for (int i = 0; i < all.length; i++) {
            String line = all[i].endsWith("\r") ? all[i].substring(0, all[i].length() - 1) : all[i];
            if (!line.isBlank()) {
                lines.add(new JsonLine(file, i + 1, line));
            }
        }
        return lines;
    }

    /** Parses the line as a JSON object, and fails if it has other fields than these. */
    JsonNode object(Set<String> fields) {
        JsonNode object;
        try {
            object = JSON.readTree(text);
        } catch (JsonProcessingException error) {
            throw wrong("it is not JSON (" + error.getOriginalMessage() + ")");
        }
        if (!object.isObject()) {
            throw wrong("it is not a JSON object");
        }
        for (String name : (Iterable<String>) object::fieldNames) {
            if (!fields.contains(name)) {
                throw wrong("it has the field '" + name + "', but can have "
                        + fields.stream().sorted().collect(Collectors.joining(", ")) + " only");
            }
        }
        return object;
    }

    /** Returns the prompt: the only one of {@link #PROMPTS} that the object has. */
    Prompt prompt(JsonNode object) {
        List<String> there = PROMPTS.stream().filter(object::has).sorted().toList();
        if (there.size() != 1) {
            throw wrong("it must have exactly one of prompt, messages and tokens, but has "
                    + (there.isEmpty() ? "none" : String.join(" and ", there)));
        }
        JsonNode value = object.get(there.get(0));
        if (there.contains("prompt")) {
            return new Prompt.Raw(string(object, "prompt"));
        }
        if (!value.isArray() || value.isEmpty()) {
            throw wrong(there.get(0) + " must be a non-empty list");
        }
        return there.contains("tokens")
                ? new Prompt.Tokens(value.valueStream().map(this::token).toList())
                : new Prompt.Chat(value.valueStream().map(this::message).toList());
    }

    /** Returns a field's text, and fails if it is blank. */
    String string(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.isTextual() || value.textValue().isBlank()) {
            throw wrong(name + " must be a non-blank string");
        }
        return value.textValue();
    }

    /** Returns a field's list of texts, and fails if one of them is empty. */
    List<String> strings(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.isArray()
                || value.valueStream()
                        .anyMatch(one -> !one.isTextual() || one.textValue().isEmpty())) {
            throw wrong(name + " must be a list of strings");
        }
        return value.valueStream().map(JsonNode::textValue).toList();
    }

    /** Returns a field's integer, and fails if it is less than 1. */
    int count(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.canConvertToInt() || !value.isIntegralNumber() || value.intValue() < 1) {
            throw wrong(name + " must be a whole number of at least 1");
        }
        return value.intValue();
    }

    /** Creates an exception that reports a problem in this line. */
    InvalidRequestException wrong(String why) {
        return new InvalidRequestException(
                "%s, line %d: %s.".formatted(file, number, why), "Correct the line; nothing was run.");
    }

    private int token(JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw wrong("tokens has " + value + ", which is not a token id");
        }
        return value.intValue();
    }

    private Message message(JsonNode value) {
        Set<String> names =
                value.properties().stream().map(field -> field.getKey()).collect(Collectors.toSet());
        String role = value.path("role").asText().toUpperCase(Locale.ROOT);
        if (!names.equals(Set.of("role", "content"))
                || !value.path("content").isTextual()
                || !Set.of("SYSTEM", "USER", "ASSISTANT").contains(role)) {
            throw wrong("a message needs a role (system, user or assistant), a content (text) and nothing else");
        }
        return new Message(Message.Role.valueOf(role), value.path("content").textValue());
    }
}
