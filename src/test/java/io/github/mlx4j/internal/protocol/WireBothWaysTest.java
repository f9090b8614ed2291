package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.InvalidRequestException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Tests that Python parses what Java sends and vice versa, with the real code of both sides: a Python process returns
 * the params of each call as its result.
 */
class WireBothWaysTest {

    private static final String ECHO = """
            import os, sys
            sys.path.insert(0, sys.argv[1])
            from mlx4j_worker import bounds, dispatch, wire
            from mlx4j_worker.errors import WorkerError
            pipe = wire.Wire(0, 1)
            pipe.send({"id": "bounds", "result": {n: getattr(bounds, n) for n in dir(bounds) if n.isupper()}})
            for line in pipe.lines():
                try:
                    if isinstance(line, wire.Overlong):
                        raise dispatch.InvalidRequest("too long")
                    message = wire.parse(line)
                    call = dispatch.Call(pipe, message, lambda call: None)
                    value = message["params"].get("value")
                    if message["method"] == "grow":  # what Python makes by itself
                        value = "x" * message["params"]["bytes"]
                        for _ in range(message["params"]["depth"]):
                            value = [value]
                    call.answer({"value": value})
                except WorkerError as error:
                    pipe.send({"id": wire.call_id(line), "error": error.to_json()})
            """;

    private static final JsonMapper JSON = new JsonMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private static Process python;
    private static OutputStream to;
    private static InputStream from;
    private static long ids;

    @BeforeContainer
    static void start() throws IOException {
        python = new ProcessBuilder("python3", "-I", "-X", "utf8", "-c", ECHO, "python")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        to = python.getOutputStream();
        from = new BufferedInputStream(python.getInputStream(), 1 << 16);
    }

    @AfterContainer
    static void stop() {
        python.destroyForcibly();
    }

    @Example
    void shouldHaveTheSameBoundsOnBothSides() throws IOException {
        Map<String, Long> bounds = new HashMap<>();
        JsonNode told = first();
        told.properties()
                .forEach(bound -> bounds.put(bound.getKey(), bound.getValue().asLong()));

        assertThat(bounds)
                .isEqualTo(Map.of(
                        "MAX_LINE_BYTES", (long) Bounds.MAX_LINE_BYTES,
                        "MAX_DEPTH", (long) Bounds.MAX_DEPTH,
                        "MAX_SCHEMA_NUMBER", Bounds.MAX_SCHEMA_NUMBER));
    }

    @Property(tries = 300)
    void shouldComeBackAsItWasSent(@ForAll("values") JsonNode value) throws IOException {
        assertThat(answer("echo", object(value)))
                .isInstanceOfSatisfying(
                        Inbound.Answer.class,
                        answer -> assertThat(answer.result().get("value")).isEqualTo(value));
    }

    @Property(tries = 40)
    void shouldPassOrBeRefusedAlikeAroundTheDepthLimit(
            @ForAll @IntRange(min = Bounds.MAX_DEPTH - 5, max = Bounds.MAX_DEPTH + 5) int depth) throws IOException {
        ObjectNode params = object(nested(depth - 2)); // in the params in the message

        if (depth <= Bounds.MAX_DEPTH) {
            assertThat(answer("echo", params)).isInstanceOf(Inbound.Answer.class);
        } else {
            assertThatExceptionOfType(InvalidRequestException.class)
                    .isThrownBy(() -> Codec.line("1", Codec.body("echo", params)))
                    .withMessageContaining("nested more than 128 levels deep");
        }
        String line =
                "{\"jsonrpc\":\"2.0\",\"id\":\"%d\",\"method\":\"echo\",\"params\":%s}\n".formatted(++ids, params);
        assertThat(kind(receive(line.getBytes()))).isEqualTo(depth <= Bounds.MAX_DEPTH ? "" : "invalid_request");
        JsonNode made = JSON.createObjectNode().put("bytes", 1).put("depth", depth - 2);
        assertThat(kind(answer("grow", made))).isEqualTo(depth <= Bounds.MAX_DEPTH ? "" : "invalid_request");
    }

    @Property(tries = 12)
    void shouldPassOrBeRefusedAlikeAroundTheLengthLimit(@ForAll @IntRange(min = -60, max = 60) int more)
            throws IOException {
        int spare = Bounds.MAX_LINE_BYTES + more;
        ObjectNode params = object(NODES.textNode("x".repeat(spare - 100)));

        try {
            byte[] line = Codec.line(Long.toString(++ids), Codec.body("echo", params));
            assertThat(line.length - 1).isLessThanOrEqualTo(Bounds.MAX_LINE_BYTES);
            assertThat(receive(line)).isInstanceOf(Inbound.Answer.class);
        } catch (InvalidRequestException tooLong) {
            assertThat(tooLong).hasMessageContaining("is longer than");
        }
        JsonNode made = JSON.createObjectNode().put("bytes", spare - 45).put("depth", 0);
        assertThat(kind(answer("grow", made))).isIn("", "invalid_request");
    }

    @Example
    void shouldAnswerByItsIdWhenALineIsTooLong() throws IOException {
        String line = "{\"jsonrpc\":\"2.0\",\"id\":\"long\",\"method\":\"echo\",\"params\":{\"value\":\"%s\"}}\n"
                .formatted("x".repeat(Bounds.MAX_LINE_BYTES));

        assertThat(receive(line.getBytes()))
                .isInstanceOfSatisfying(
                        Inbound.Failure.class,
                        failure -> assertThat(failure.id()).isEqualTo("long"));
    }

    @Provide
    static Arbitrary<JsonNode> values() {
        Arbitrary<String> texts = Arbitraries.oneOf(
                Arbitraries.strings().all().ofMaxLength(20), // unpaired surrogates, too
                Arbitraries.of("\u2028\u2029\u0085\r\n\0\"\\", "\ud83d\ude00", "\ud800", "\udc00\ud800", "é漢"));
        Arbitrary<String> names = texts.map(WireBothWaysTest::wellFormed); // as workers write them
        Arbitrary<JsonNode> scalars = Arbitraries.oneOf(
                texts.map(NODES::textNode),
                Arbitraries.longs().map(value -> JSON.valueToTree(value)), // as Jackson reads them: int or long
                Arbitraries.bigIntegers()
                        .between(BigInteger.TEN.pow(30), BigInteger.TEN.pow(60))
                        .map(NODES::numberNode)
                        .map(JsonNode.class::cast),
                Arbitraries.doubles().map(NODES::numberNode),
                Arbitraries.of(NODES.booleanNode(true), NODES.booleanNode(false), NODES.nullNode()));
        return Arbitraries.recursive(
                () -> scalars.map(WireBothWaysTest::read),
                inner -> Arbitraries.oneOf(
                        inner,
                        inner.list().ofMaxSize(4).map(items -> NODES.arrayNode().addAll(items)),
                        Combinators.combine(names, inner, names, inner)
                                .as((a, x, b, y) ->
                                        NODES.objectNode().<ObjectNode>set(a, x).set(b, y))),
                0,
                4);
    }

    /** As Jackson reads it: it has a type of node for each size of number. */
    private static JsonNode read(JsonNode written) {
        try {
            return JSON.readTree(JSON.writeValueAsBytes(List.of(written))).get(0);
        } catch (IOException error) {
            return written; // an unpaired surrogate, which Jackson escapes only where it is asked to
        }
    }

    /** With unpaired surrogates replaced: Jackson reads them in values, but in no names. */
    private static String wellFormed(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }

    private static ObjectNode object(JsonNode value) {
        return NODES.objectNode().set("value", value);
    }

    private static JsonNode nested(int depth) {
        JsonNode inner = NODES.numberNode(1);
        for (int i = 0; i < depth; i++) {
            inner = i % 2 == 0
                    ? NODES.arrayNode().add(inner)
                    : NODES.objectNode().set("a", inner);
        }
        return inner;
    }

    private static String kind(Inbound answer) {
        return answer instanceof Inbound.Failure failure ? failure.error().kind() : "";
    }

    private static Inbound answer(String method, JsonNode params) throws IOException {
        return receive(Codec.line(Long.toString(++ids), Codec.body(method, params)));
    }

    private static Inbound receive(byte[] line) throws IOException {
        first();
        to.write(line);
        to.flush();
        return Codec.decode(readLine());
    }

    private static JsonNode bounds;

    /** The line that the process writes first. */
    private static JsonNode first() throws IOException {
        if (bounds == null) {
            bounds = ((Inbound.Answer) Codec.decode(readLine())).result();
        }
        return bounds;
    }

    private static byte[] readLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = from.read(); next != '\n'; next = from.read()) {
            assertThat(next).as("the process goes on").isNotNegative();
            line.write(next);
        }
        assertThat(line.size()).isLessThanOrEqualTo(Bounds.MAX_LINE_BYTES);
        return line.toByteArray();
    }
}
