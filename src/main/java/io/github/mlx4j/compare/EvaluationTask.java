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
 * A task for a model. Its answer is judged by {@code expected}, by {@code test}, or not at all.
 *
 * @param id identifies the task within its file
 * @param prompt the prompt for the model
 * @param expected the expected answer; {@code null} if there is none
 * @param match how the answer is compared with the expected one
 * @param maxTokens the maximum number of tokens of the answer; {@code null} for the limit of the run
 * @param stop stop sequences
 * @param test the test of an answer that is Python code; {@code null} if there is none
 */
public record EvaluationTask(
        String id,
        Prompt prompt,
        @Nullable String expected,
        Match match,
        @Nullable Integer maxTokens,
        List<String> stop,
        @Nullable CodeTest test) {

    /** How an answer is compared with the expected one. Leading and trailing white space is ignored. */
    public enum Match {
        /** The answer equals the expected one. */
        EXACT,
        /** The answer contains the expected one. */
        CONTAINS,
        /** The expected answer is a Java regular expression that occurs in the answer. */
        REGEX,
        /**
         * The last number in the answer is the expected one: {@code 1,234}, {@code 1234.0} and {@code $1234} are equal.
         */
        NUMBER
    }

    /** Copies the list of stop sequences. */
    public EvaluationTask {
        stop = List.copyOf(stop);
    }

    /** Creates a task without a code test or stop sequences. */
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
     * Reads the tasks of a UTF-8 file with one JSON object per line. Blank lines are ignored.
     *
     * <p>Each object has exactly one of {@code prompt} (raw text), {@code messages} (a chat) and {@code tokens} (token
     * ids). Optional fields are {@code id} (default: the line number), {@code expected}, {@code match} ({@code exact},
     * the default, {@code contains}, {@code regex} or {@code number}), {@code max_tokens}, and {@code stop} (a list of
     * texts). A task with Python code has, instead of {@code expected}, the fields {@code function} (its name) and
     * {@code calls} (a list of objects with {@code arguments} and {@code returns}).
     *
     * @throws InvalidRequestException if the file can't be read or is empty, or if a line is invalid; the message then
     *     has its number
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

    /** Returns the last number in a text. */
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

    /** Returns whether answers are judged, by the expected answer or by a test. */
    boolean isJudged() {
        return expected != null || test != null;
    }

    /** Returns whether an answer matches the expected one; empty if there is no expected answer. */
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

    /** Returns the text whose log-probability is computed: the expected answer, unless it is a regular expression. */
    Optional<String> scored() {
        return Optional.ofNullable(expected).filter(text -> match != Match.REGEX);
    }
}
