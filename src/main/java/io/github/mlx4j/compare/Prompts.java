package io.github.mlx4j.compare;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/** The prompts by which models are compared. */
public final class Prompts {

    private static final String BUILT_IN = "prompts.jsonl";

    private Prompts() {}

    /**
     * Returns the built-in prompts: short and longer ones, several languages, code, digits.
     *
     * @param chat whether to include prompts that need a chat template
     */
    public static List<Prompt> builtIn(boolean chat) {
        try (InputStream bytes = Objects.requireNonNull(Prompts.class.getResourceAsStream(BUILT_IN), BUILT_IN)) {
            return read(JsonLine.of(BUILT_IN, new String(bytes.readAllBytes(), StandardCharsets.UTF_8))).stream()
                    .filter(prompt -> chat || !(prompt instanceof Prompt.Chat))
                    .toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /**
     * Reads the prompts of a UTF-8 file. If its first line begins with a brace, each line is a JSON object with exactly
     * one of {@code prompt} (raw text), {@code messages} (a chat) and {@code tokens} (token ids). Otherwise, each line
     * is raw text. Blank lines are ignored.
     *
     * @throws InvalidRequestException if the file can't be read or is empty, or if a line is invalid; the message then
     *     has its number
     */
    public static List<Prompt> read(Path file) {
        return read(JsonLine.read(file));
    }

    private static List<Prompt> read(List<JsonLine> lines) {
        boolean json = lines.get(0).text().startsWith("{");
        return lines.stream()
                .map(line -> json ? line.prompt(line.object(JsonLine.PROMPTS)) : new Prompt.Raw(line.text()))
                .toList();
    }

    /** Returns a prompt in readable form. */
    static String show(Prompt prompt) {
        if (prompt instanceof Prompt.Raw raw) {
            return raw.text();
        }
        return prompt instanceof Prompt.Chat chat
                ? chat.messages().stream().map(Prompts::show).collect(Collectors.joining("\n"))
                : "tokens " + ((Prompt.Tokens) prompt).ids();
    }

    private static String show(Message message) {
        return message.role().name().toLowerCase(Locale.ROOT) + ": " + message.content();
    }
}
