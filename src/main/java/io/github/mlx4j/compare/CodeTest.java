package io.github.mlx4j.compare;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.generation.Prompt;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The test of an answer that is Python code: calls of a function that it defines, and what they return.
 *
 * @param function its name
 * @param calls one at least
 */
public record CodeTest(String function, List<Call> calls) {

    private static final Pattern FENCED = Pattern.compile("(?ms)^[ \\t]*```[^\\n]*\\n(.*?)(?:^[ \\t]*```|\\z)");
    private static final double TOLERANCE = 1e-9; // relative, of numbers with a fraction

    /** Takes an immutable copy. */
    public CodeTest {
        calls = List.copyOf(calls);
    }

    /**
     * A call.
     *
     * @param arguments a JSON list
     * @param returns what it is to return, in JSON: a tuple is a list there, and the keys of a dict are strings
     */
    public record Call(String arguments, String returns) {}

    /**
     * The code in an answer: the first fenced block that defines the function; else the whole answer, if it defines the
     * function; else the prompt that the answer continues, and its lines up to the first one that is not indented.
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

    /** Whether two JSON values are equal; 2 and 2.0 are, and numbers with a fraction up to a rounding error. */
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

    /** Never with infinity, as which a number is read that is too large, such as 1e999: it is close to everything. */
    private static boolean isClose(double one, double other) {
        return Double.isFinite(one)
                && Double.isFinite(other)
                && Math.abs(one - other) <= TOLERANCE * Math.max(1, Math.max(Math.abs(one), Math.abs(other)));
    }
}
