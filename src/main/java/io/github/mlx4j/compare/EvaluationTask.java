package io.github.mlx4j.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Prompt;
import java.math.BigDecimal;
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
 * A task for a model. It is judged by {@code expected} or by {@code test}, or not at all.
 *
 * @param id identifies it among the tasks of its file
 * @param prompt what the model is given
 * @param expected the expected answer; {@code null} where there is none
 * @param match how the answer is compared with it
 * @param maxTokens the maximum number of tokens of the answer; {@code null} for that of the run
 * @param stop texts that end the answer
 * @param test the test of an answer that is Python code; {@code null} where there is none
 */
public record EvaluationTask(
        String id,
        Prompt prompt,
        @Nullable String expected,
        Match match,
        @Nullable Integer maxTokens,
        List<String> stop,
        @Nullable CodeTest test) {

    /** How an answer is compared with what is expected. White space around both does not count. */
    public enum Match {
        /** They are equal. */
        EXACT,
        /** The answer contains it. */
        CONTAINS,
        /** What is expected is a regular expression (Java's), and is found in the answer. */
        REGEX,
        /**
         * The last number in the answer is the expected one: {@code 1,234}, {@code 1234.0} and {@code $1234} are equal.
         */
        NUMBER
    }

    /** Takes an immutable copy. */
    public EvaluationTask {
        stop = List.copyOf(stop);
    }

    /** One whose answer is no code, and ends where the model ends it. */
    public EvaluationTask(
            String id, Prompt prompt, @Nullable String expected, Match match, @Nullable Integer maxTokens) {
        this(id, prompt, expected, match, maxTokens, List.of(), null);
    }

    private static final JsonMapper JSON = new JsonMapper();
    private static final Pattern NUMBER = Pattern.compile("-?(?:\\d{1,3}(?:,\\d{3})+|\\d+)(?:\\.\\d+)?");

    private static final Set<String> FIELDS = Stream.concat(
                    JsonLine.PROMPTS.stream(),
                    Stream.of("id", "expected", "match", "max_tokens", "stop", "function", "calls"))
            .collect(Collectors.toUnmodifiableSet());

    /**
     * The tasks of a UTF-8 file, a JSON object a line: one of {@code prompt} (raw text), {@code messages} (a chat) and
     * {@code tokens} (ids), and if wanted {@code id} (default: the line's number), {@code expected}, {@code match}
     * ({@code exact}, the default, {@code contains}, {@code regex} or {@code number}), {@code max_tokens}, {@code stop}
     * (a list of texts), and for Python code, in place of {@code expected}, {@code function} (its name) and
     * {@code calls} (a list of objects with {@code arguments} and {@code returns}). Blank lines don't count.
     *
     * @throws InvalidRequestException if it can't be read or is empty, or for a bad line, with its number
     */
    public static List<EvaluationTask> read(Path file) {
        return of(JsonLine.read(file));
    }

    static List<EvaluationTask> of(List<JsonLine> lines) {
        List<EvaluationTask> tasks = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (JsonLine line : lines) {
            EvaluationTask task = of(line);
            Integer before = seen.putIfAbsent(task.id, line.number());
            if (before != null) {
                throw line.wrong("the id '" + task.id + "' is already used in line " + before);
            }
            tasks.add(task);
        }
        return tasks;
    }

    private static EvaluationTask of(JsonLine line) {
        JsonNode object = line.object(FIELDS);
        if (object.has("match") && !object.has("expected")) {
            throw line.wrong("it has match but not expected");
        }
        String expected = object.has("expected") ? line.string(object, "expected") : null;
        Match match = match(line, object);
        if (match == Match.REGEX && expected != null) {
            try {
                Pattern.compile(expected);
            } catch (PatternSyntaxException bad) {
                throw line.wrong("expected is not a valid regular expression (" + bad.getDescription() + ")");
            }
        }
        if (match == Match.NUMBER && (expected == null || number(expected).isEmpty())) {
            throw line.wrong("expected contains no number");
        }
        return new EvaluationTask(
                object.path("id").isIntegralNumber()
                        ? object.path("id").asText()
                        : object.has("id") ? line.string(object, "id") : Integer.toString(line.number()),
                line.prompt(object),
                expected,
                match,
                object.has("max_tokens") ? line.count(object, "max_tokens") : null,
                object.has("stop") ? line.strings(object, "stop") : List.of(),
                test(line, object));
    }

    private static @Nullable CodeTest test(JsonLine line, JsonNode object) {
        if (!object.has("function") && !object.has("calls")) {
            return null;
        }
        if (object.has("expected")) {
            throw line.wrong("it has expected, but is judged by calls");
        }
        String function = line.string(object, "function");
        if (!function.matches("[A-Za-z_][A-Za-z0-9_]*")) {
            throw line.wrong("function is not a valid Python function name");
        }
        JsonNode calls = object.path("calls");
        if (!calls.isArray() || calls.isEmpty()) {
            throw line.wrong("calls must be a non-empty list");
        }
        if (hasInfinity(calls)) {
            throw line.wrong("calls has a number that is too large for a float, such as 1e999");
        }
        return new CodeTest(
                function,
                calls.valueStream()
                        .map(call -> {
                            if (!call.isObject()
                                    || call.size() != 2
                                    || !call.path("arguments").isArray()
                                    || !call.has("returns")) {
                                throw line.wrong("a call needs arguments (a list), returns and nothing else");
                            }
                            return new CodeTest.Call(text(call.get("arguments")), text(call.get("returns")));
                        })
                        .toList());
    }

    private static boolean hasInfinity(JsonNode value) {
        return value.isFloatingPointNumber() && !Double.isFinite(value.doubleValue())
                || value.valueStream().anyMatch(EvaluationTask::hasInfinity);
    }

    private static String text(JsonNode value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The last number in a text. */
    private static Optional<BigDecimal> number(String text) {
        return NUMBER.matcher(text)
                .results()
                .reduce((before, last) -> last)
                .map(found -> new BigDecimal(found.group().replace(",", "")));
    }

    private static Match match(JsonLine line, JsonNode object) {
        String name = object.has("match") ? line.string(object, "match") : "exact";
        return Stream.of(Match.values())
                .filter(match -> match.name().toLowerCase(Locale.ROOT).equals(name))
                .findFirst()
                .orElseThrow(() -> line.wrong("match is '" + name + "', but must be exact, contains, regex or number"));
    }

    /** Whether an answer is judged, by what is expected or by a test. */
    boolean isJudged() {
        return expected != null || test != null;
    }

    /** Whether an answer is what is expected; empty where nothing is. */
    public Optional<Boolean> passes(String answer) {
        return Optional.ofNullable(expected).map(wanted -> switch (match) {
            case EXACT -> answer.strip().equals(wanted.strip());
            case CONTAINS -> answer.contains(wanted.strip());
            case REGEX -> Pattern.compile(wanted).matcher(answer.strip()).find();
            case NUMBER ->
                number(answer)
                        .map(found -> found.compareTo(number(wanted).orElseThrow()) == 0)
                        .orElse(false);
        });
    }

    /** The text whose probability is asked for: what is expected, unless it is a regular expression. */
    Optional<String> scored() {
        return Optional.ofNullable(expected).filter(text -> match != Match.REGEX);
    }
}
