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
 * A line of a file of prompts or tasks, and what is wrong with it.
 *
 * @param file the file's name, for messages
 * @param number from 1
 * @param text without its end
 */
record JsonLine(String file, int number, String text) {

    /** The fields of which a line has one: what the model is given. */
    static final Set<String> PROMPTS = Set.of("prompt", "messages", "tokens");

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /**
     * The lines of a UTF-8 file that are not blank. A byte order mark and CRLF are accepted.
     *
     * @throws InvalidRequestException if it can't be read, is not UTF-8, or has no such line
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

    /** The lines of a text that are not blank. */
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

    /** The line as a JSON object that has none but these fields. */
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

    /** What the model is given: the one of {@link #PROMPTS} that the object has. */
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

    /** A field's text, which is not blank. */
    String string(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.isTextual() || value.textValue().isBlank()) {
            throw wrong(name + " must be a non-blank string");
        }
        return value.textValue();
    }

    /** A field's list of texts, none of them empty. */
    List<String> strings(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.isArray()
                || value.valueStream()
                        .anyMatch(one -> !one.isTextual() || one.textValue().isEmpty())) {
            throw wrong(name + " must be a list of strings");
        }
        return value.valueStream().map(JsonNode::textValue).toList();
    }

    /** A field's whole number from 1 on. */
    int count(JsonNode object, String name) {
        JsonNode value = object.path(name);
        if (!value.canConvertToInt() || !value.isIntegralNumber() || value.intValue() < 1) {
            throw wrong(name + " must be a whole number of at least 1");
        }
        return value.intValue();
    }

    /** What is wrong with this line. */
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
