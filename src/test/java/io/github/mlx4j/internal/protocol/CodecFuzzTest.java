package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.fuzz.FuzzCase;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.port.ModelDetails;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Tests that decoding handles whatever a worker writes, and that every call is encoded as a complete line. */
public class CodecFuzzTest {

    private static final JsonMapper JSON = new JsonMapper();
    private static final List<Class<?>> PARTS = List.of(
            Hello.class,
            Inbound.LogLine.class,
            Progress.class,
            Generate.Chunk.class,
            Generate.Result.class,
            ModelDetails.class,
            WorkerMemory.class,
            Embed.Embedding.class,
            Embed.Result.class,
            Prompts.Tokens.class,
            Prompts.Count.class,
            Prompts.Text.class);
    private static final Duration SOON = Duration.ofSeconds(5);

    /** The same properties, to be checked for longer. */
    public static Stream<FuzzCase<?>> cases() {
        return Stream.of(
                new FuzzCase<>("any bytes", Arbitraries.bytes().array(byte[].class), CodecFuzzTest::decode),
                new FuzzCase<>("JSON's characters", jsonLike(), line -> decode(line.getBytes(StandardCharsets.UTF_8))),
                new FuzzCase<>("a damaged line", damaged(), CodecFuzzTest::decode),
                new FuzzCase<>("an error", errors(), CodecFuzzTest::shouldBeAFailure),
                new FuzzCase<>("a text", texts(), text -> shouldBeUnchanged(text, text)));
    }

    @Property
    void shouldDecodeAnyBytes(@ForAll byte[] line) {
        decode(line);
    }

    @Property
    void shouldDecodeAnyTextOfJsonsCharacters(@ForAll("jsonLike") String line) {
        decode(line.getBytes(StandardCharsets.UTF_8));
    }

    @Property
    void shouldDecodeARealLineHoweverItWasDamaged(@ForAll("damaged") byte[] line) {
        decode(line);
    }

    @Property
    void shouldDecodeAnErrorWithAnyFields(@ForAll("errors") String error) {
        shouldBeAFailure(error);
    }

    private static void shouldBeAFailure(String error) {
        Inbound message = decode("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":%s}"
                .formatted(error)
                .getBytes(StandardCharsets.UTF_8));
        assertThat(message).isInstanceOfAny(Inbound.Failure.class, Inbound.Junk.class);
    }

    @Example
    void shouldDecodeWhatIsDeepLongOrFarOutOfRange() {
        for (String part : List.of("[", "{\"a\":", "[[],", "\"\\u", "\\\\", "9", "-", "é", "\"")) {
            decode(part.repeat(200_000).getBytes(StandardCharsets.UTF_8));
        }
        for (String number : List.of("1e999999999", "-1e-999999999", "9".repeat(1000), "0." + "1".repeat(100_000))) {
            decode("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{\"chunks\":%s,\"contextLength\":%<s}}"
                    .formatted(number)
                    .getBytes(StandardCharsets.UTF_8));
        }
    }

    @Property
    void shouldCarryAnyTextUnchanged(@ForAll("texts") String id, @ForAll("texts") String text) throws IOException {
        shouldBeUnchanged(id, text);
    }

    private static void shouldBeUnchanged(String id, String text) throws IOException {
        JsonNode object = JSON.createObjectNode().put("any", text);
        String json = JSON.writeValueAsString(object);
        Message message = new Message(Message.Role.ASSISTANT, text, List.of(new ToolCall(id, text, json)), id);
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Chat(List.of(message)))
                .temperature(0.5)
                .minP(0.1)
                .seed(Long.MAX_VALUE)
                .presencePenalty(-1.0)
                .logitBias(Map.of(text.length(), -2.5))
                .stop(text, id)
                .maxTokens(7)
                .responseFormat(ResponseFormat.choice(id, text))
                .tools(new ToolSpec(id, text, json))
                .thinking(true)
                .logProbs(text.length())
                .cacheSalt(text)
                .deadline(SOON)
                .build();
        JsonNode sent = JSON.readTree(oneLine(Generate.call(request).line(id)));

        ObjectNode params = JSON.createObjectNode();
        ObjectNode chat = params.putArray("messages").addObject();
        chat.put("role", "assistant").put("content", text).put("toolCallId", id);
        chat.putArray("toolCalls").addObject().put("id", id).put("name", text).set("arguments", object);
        ObjectNode sampling =
                params.putObject("sampling").put("temperature", 0.5).put("minP", 0.1);
        sampling.put("seed", Long.MAX_VALUE).put("presencePenalty", -1.0);
        sampling.putObject("logitBias").put(Integer.toString(text.length()), -2.5);
        params.putArray("stop").add(text).add(id);
        params.put("maxTokens", 7)
                .put("thinking", true)
                .put("logProbs", text.length())
                .put("cacheSalt", text);
        params.putObject("responseFormat")
                .put("type", "choice")
                .putArray("choices")
                .add(id)
                .add(text);
        params.putArray("tools")
                .addObject()
                .put("name", id)
                .put("description", text)
                .set("parameters", object);
        assertThat(sent.get("jsonrpc").textValue()).isEqualTo("2.0");
        assertThat(sent.get("id").textValue()).isEqualTo(id);
        assertThat(sent.get("method").textValue()).isEqualTo("generate");
        assertThat(sent.get("params")).isEqualTo(params);
        assertThat(JSON.readTree(oneLine(Codec.notification(text, request))).has("id"))
                .isFalse();
    }

    /** The line without its LF, once it is known to be ASCII and to have no other. */
    private static byte[] oneLine(byte[] line) {
        byte[] content = Arrays.copyOf(line, line.length - 1);
        assertThat(line[content.length]).isEqualTo((byte) '\n');
        for (byte b : content) {
            if (b < ' ') { // other bytes than those of ASCII are negative
                throw new AssertionError("The line has the byte " + b);
            }
        }
        return content;
    }

    /** Decodes as the reader thread does, with every part that it may look at. */
    private static Inbound decode(byte[] line) {
        return assertTimeoutPreemptively(SOON, () -> {
            Inbound message = Codec.decode(line);
            if (message instanceof Inbound.Answer answer) {
                assertThat(answer.id()).isNotNull();
                readAll(answer.result());
            } else if (message instanceof Inbound.Failure failure) {
                assertThat(failure.error().message()).isNotNull();
                assertThat(failure.error().kind()).isNotNull();
                assertThat(failure.error().hint()).isNotNull();
            } else if (message instanceof Inbound.Notification notification) {
                assertThat(notification.method()).isNotNull();
                readAll(notification.params());
            } else {
                assertThat(((Inbound.Junk) message).reason()).isNotNull();
            }
            return message;
        });
    }

    private static void readAll(JsonNode node) {
        assertThat(node).isNotNull();
        for (Class<?> part : PARTS) {
            try {
                assertThat((Object) Codec.read(node, part)).isNotNull();
            } catch (IllegalArgumentException documented) {
                // it doesn't fit
            }
        }
    }

    @Provide
    static Arbitrary<String> texts() {
        return Arbitraries.strings().all().ofMaxLength(200); // unpaired surrogates and control characters too
    }

    @Provide
    static Arbitrary<String> jsonLike() {
        return Arbitraries.of(
                        "{",
                        "}",
                        "[",
                        "]",
                        ",",
                        ":",
                        "\"",
                        "\\",
                        "\\u00",
                        "d800",
                        "1",
                        "-",
                        ".",
                        "e",
                        "+",
                        "true",
                        "null",
                        "NaN",
                        " ",
                        "\t",
                        "\uFEFF",
                        "\u0000",
                        "é",
                        "\"jsonrpc\":\"2.0\"",
                        "\"id\":\"1\"",
                        "\"method\":\"chunk\"",
                        "\"params\":",
                        "\"result\":",
                        "\"error\":")
                .list()
                .ofMaxSize(40)
                .map(parts -> String.join("", parts));
    }

    @Provide
    static Arbitrary<String> errors() {
        Arbitrary<String> value = Arbitraries.of(
                "null", "{}", "[]", "\"text\"", "7", "-1.5", "1e99", "true", "\"\"", "{\"kind\":null}", "{\"kind\":7}");
        Arbitrary<String> data = Combinators.combine(value, value, value, value)
                .as("{\"kind\":%s,\"retryable\":%s,\"hint\":%s,\"detail\":%s}"::formatted);
        Arbitrary<String> error = Combinators.combine(value, value, Arbitraries.oneOf(value, data))
                .as("{\"code\":%s,\"message\":%s,\"data\":%s}"::formatted);
        return Arbitraries.oneOf(value, data, error);
    }

    @Provide
    static Arbitrary<byte[]> damaged() {
        Arbitrary<byte[]> line = Arbitraries.of(realLines());
        return Combinators.combine(line, line, damage().list().ofMinSize(1).ofMaxSize(4))
                .as((one, other, damages) -> {
                    byte[] bytes = one;
                    for (Damage damage : damages) {
                        bytes = damage.to(bytes, other);
                    }
                    return bytes;
                });
    }

    /**
     * Replaces a range of a line by other bytes, or by a range of another line. Positions are in millionths of the
     * length.
     */
    private record Damage(int from, int length, byte[] with, boolean other) {

        byte[] to(byte[] line, byte[] donor) {
            int start = (int) ((long) line.length * from / 1_000_000);
            int end = Math.min(line.length, start + length);
            ByteArrayOutputStream result = new ByteArrayOutputStream();
            result.write(line, 0, start);
            if (other) {
                int at = Math.min(start, donor.length);
                result.write(donor, at, Math.min(length, donor.length - at));
            } else {
                result.writeBytes(with);
            }
            result.write(line, end, line.length - end);
            return result.toByteArray();
        }
    }

    private static Arbitrary<Damage> damage() {
        Arbitrary<byte[]> bytes = Arbitraries.bytes().array(byte[].class).ofMaxSize(8);
        Arbitrary<byte[]> words = Arbitraries.of("null", "\"\"", "{}", "[", "-1", "1e999", ",", "\"id\":", "\\ud800")
                .map(word -> word.getBytes(StandardCharsets.UTF_8));
        return Combinators.combine(
                        Arbitraries.integers().between(0, 1_000_000),
                        Arbitraries.integers().between(0, 30),
                        Arbitraries.oneOf(bytes, words),
                        Arbitraries.of(false, false, true))
                .as(Damage::new);
    }

    private static List<byte[]> realLines() {
        List<byte[]> lines = new ArrayList<>();
        try (Stream<Path> transcripts = Files.list(Path.of("src/test/resources/protocol"))) {
            for (Path transcript : transcripts
                    .filter(file -> file.toString().endsWith(".jsonl"))
                    .sorted()
                    .toList()) {
                for (String entry : Files.readAllLines(transcript)) {
                    JsonNode message = JSON.readTree(entry).path("message");
                    if (message.isObject()) {
                        lines.add(JSON.writeValueAsBytes(message));
                    }
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return lines;
    }
}
