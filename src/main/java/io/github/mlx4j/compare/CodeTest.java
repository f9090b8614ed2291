package io.github.mlx4j.compare;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.generation.Prompt;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The test of an answer that consists of Python code: calls of a function that the code defines, and their expected
 * results.
 *
 * @param function the name of the function
 * @param calls the calls, at least one
 */
public record CodeTest(String function, List<Call> calls) {

    private static final Pattern FENCED = Pattern.compile("(?ms)^[ \\t]*```[^\\n]*\\n(.*?)(?:^[ \\t]*```|\\z)");
    private static final double TOLERANCE = 1e-9; // relative, for numbers with a fraction

    /** Copies the list of calls. */
    public CodeTest {
        calls = List.copyOf(calls);
    }

    /**
     * A call of the function.
     *
     * @param arguments the arguments, as a JSON list
     * @param returns the expected result in JSON, where a tuple is a list and the keys of a dict are strings
     */
    public record Call(String arguments, String returns) {}

    /**
     * Extracts the code from an answer. This is the first fenced block that defines the function. If there is none, it
     * is the whole answer, or, if only the prompt defines the function, the prompt followed by the answer's lines up to
     * the first one that is not indented.
     */
    String code(Prompt prompt, String answer) {
        Pattern definition = Pattern.compile("(?m)^[ \\t]*def\\s+" + Pattern.quote(function) + "\\s*\\(");
        Matcher blocks = FENCED.matcher(answer);
        while (blocks.find()) {
            if (definition.matcher(blocks.group(1)).find()) {
                return blocks.group(1);
            }
        }
        boolean continues = prompt instanceof Prompt.Raw raw
                && definition.matcher(raw.text()).find()
                && !definition.matcher(answer).find();
        return continues ? ((Prompt.Raw) prompt).text() + body(answer) : answer;
    }

    private static String body(String answer) {
        List<String> lines = new ArrayList<>();
        for (String line : answer.split("\n", -1)) {
            boolean first = lines.isEmpty(); // it continues the prompt's last line
            if (!first && !line.isBlank() && !Character.isWhitespace(line.charAt(0))) {
                break;
            }
            lines.add(line);
        }
        return String.join("\n", lines) + "\n";
    }

    /**
     * Returns whether two JSON values are equal. 2 and 2.0 are equal; numbers with a fraction may differ by a rounding
     * error.
     */
    static boolean isEqual(JsonNode one, JsonNode other) {
        if (one.isNumber() && other.isNumber()) {
            return one.isIntegralNumber() && other.isIntegralNumber()
                    ? one.bigIntegerValue().equals(other.bigIntegerValue())
                    : isClose(one.doubleValue(), other.doubleValue());
        }
        if (one.getNodeType() != other.getNodeType() || one.size() != other.size()) {
            return false;
        }
        if (one.isArray()) {
            Iterator<JsonNode> others = other.elements();
            return one.valueStream().allMatch(value -> isEqual(value, others.next()));
        }
        return one.isObject()
                ? one.properties().stream()
                        .allMatch(field ->
                                other.has(field.getKey()) && isEqual(field.getValue(), other.get(field.getKey())))
                : one.equals(other);
    }

    /**
     * Returns false for infinity, which is how numbers that are too large, such as 1e999, are read: any tolerance
     * relative to it would be infinite.
     */
    private static boolean isClose(double one, double other) {
        return Double.isFinite(one)
                && Double.isFinite(other)
                && Math.abs(one - other) <= TOLERANCE * Math.max(1, Math.max(Math.abs(one), Math.abs(other)));
    }
}
