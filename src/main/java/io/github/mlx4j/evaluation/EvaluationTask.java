package io.github.mlx4j.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.port.Prompt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Something that a model is to answer.
 *
 * @param id tells it from the other tasks of its file
 * @param prompt what the model is given
 * @param expected what the answer is to be; {@code null} where it is not judged
 * @param match how the answer is held against it
 * @param maxTokens the most tokens of the answer; {@code null} is the run's
 */
public record EvaluationTask(
        String id,
        Prompt prompt,
        @Nullable String expected,
        Match match,
        @Nullable Integer maxTokens) {

    /** How an answer is held against what is expected. White space around both does not count. */
    public enum Match {
        /** They are equal. */
        EXACT,
        /** The answer contains it. */
        CONTAINS,
        /** What is expected is a regular expression (Java's), and is found in the answer. */
        REGEX
    }

    private static final Set<String> FIELDS = Stream.concat(
                    Line.PROMPTS.stream(), Stream.of("id", "expected", "match", "max_tokens"))
            .collect(Collectors.toUnmodifiableSet());

    /**
     * The tasks of a UTF-8 file, a JSON object a line: one of {@code prompt} (raw text), {@code messages} (a chat) and
     * {@code tokens} (ids), and if wanted {@code id} (default: the line's number), {@code expected}, {@code match}
     * ({@code exact}, the default, {@code contains} or {@code regex}) and {@code max_tokens}. Blank lines don't count.
     *
     * @throws InvalidRequestException if it can't be read or is empty, or for a bad line, with its number
     */
    public static List<EvaluationTask> read(Path file) {
        List<EvaluationTask> tasks = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (Line line : Line.read(file)) {
            EvaluationTask task = of(line);
            Integer before = seen.putIfAbsent(task.id, line.number());
            if (before != null) {
                throw line.wrong("the id '" + task.id + "' is that of line " + before);
            }
            tasks.add(task);
        }
        return tasks;
    }

    private static EvaluationTask of(Line line) {
        JsonNode object = line.object(FIELDS);
        if (object.has("match") && !object.has("expected")) {
            throw line.wrong("it has match, but not expected");
        }
        String expected = object.has("expected") ? line.string(object, "expected") : null;
        Match match = match(line, object);
        if (match == Match.REGEX && expected != null) {
            try {
                Pattern.compile(expected);
            } catch (PatternSyntaxException bad) {
                throw line.wrong("expected is no regular expression (" + bad.getDescription() + ")");
            }
        }
        return new EvaluationTask(
                object.path("id").isIntegralNumber()
                        ? object.path("id").asText()
                        : object.has("id") ? line.string(object, "id") : Integer.toString(line.number()),
                line.prompt(object),
                expected,
                match,
                object.has("max_tokens") ? line.count(object, "max_tokens") : null);
    }

    private static Match match(Line line, JsonNode object) {
        String name = object.has("match") ? line.string(object, "match") : "exact";
        return Stream.of(Match.values())
                .filter(match -> match.name().toLowerCase(Locale.ROOT).equals(name))
                .findFirst()
                .orElseThrow(() -> line.wrong("match is '" + name + "', but can be exact, contains or regex only"));
    }

    /** Whether an answer is right; empty where it is not judged. */
    public Optional<Boolean> passes(String answer) {
        return Optional.ofNullable(expected).map(wanted -> switch (match) {
            case EXACT -> answer.strip().equals(wanted.strip());
            case CONTAINS -> answer.contains(wanted.strip());
            case REGEX -> Pattern.compile(wanted).matcher(answer.strip()).find();
        });
    }

    /** The text whose probability is asked for: what is expected, unless it is a regular expression. */
    Optional<String> scored() {
        return Optional.ofNullable(expected).filter(text -> match != Match.REGEX);
    }
}
