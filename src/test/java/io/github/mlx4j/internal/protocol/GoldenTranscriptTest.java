package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Reads the golden transcripts, which pytest plays against a worker, line by line; there, {@code "*"} stands for
 * anything.
 */
class GoldenTranscriptTest {

    private static final Path FOLDER = Path.of("src", "test", "resources", "protocol");
    private static final JsonMapper JSON = new JsonMapper();
    private static final Set<String> TEXTS =
            Set.of("version", "python", "platform", "machine", "nonce", "message", "hint", "text");

    /** Every transcript; without any, the tests fail. */
    static List<Path> transcripts() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.filter(file -> file.toString().endsWith(".jsonl"))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("transcripts")
    void shouldUnderstandEveryMessageWhenAWorkerSendsIt(Path transcript) throws IOException {
        Map<String, String> methods = new HashMap<>();
        List<String> understood = new ArrayList<>();
        for (JsonNode entry : entries(transcript)) {
            JsonNode message = entry.path("message");
            if (isFromJava(entry)) {
                methods.put(message.path("id").asText(), message.path("method").asText());
            } else {
                understood.add(understand((ObjectNode) fill("", message), methods));
            }
        }
        assertThat(understood).startsWith("hello").endsWith("shutdown");
    }

    @ParameterizedTest
    @MethodSource("transcripts")
    void shouldWriteEveryMessageAsItIsWhenJavaSendsIt(Path transcript) throws IOException {
        List<JsonNode> entries = entries(transcript);
        List<JsonNode> written = new ArrayList<>();
        List<JsonNode> golden = new ArrayList<>();
        for (JsonNode entry : entries) {
            JsonNode message = entry.path("message");
            if (isFromJava(entry) && entry.has("message") && !isRefused(message, entries)) {
                golden.add(message);
                written.add(JSON.readTree(write(message)));
            }
        }
        assertThat(written)
                .usingElementComparator((one, other) -> one.equals(GoldenTranscriptTest::compare, other) ? 0 : 1)
                .isNotEmpty()
                .containsExactlyElementsOf(golden);
    }

    /** What a worker's message is, after it was read as that. */
    private static String understand(ObjectNode message, Map<String, String> methods) throws IOException {
        Inbound inbound = Codec.decode(JSON.writeValueAsBytes(message));
        if (inbound instanceof Inbound.Notification notification) {
            assertReads(message.path("params"), notification.params(), notificationType(notification.method()));
            return notification.method();
        }
        if (inbound instanceof Inbound.Failure failure) {
            assertThat(failure.id()).isEqualTo(message.path("id").textValue());
            assertSame(message.path("error"), failure.error());
            return "error";
        }
        assertThat(inbound).isInstanceOf(Inbound.Answer.class);
        Inbound.Answer answer = (Inbound.Answer) inbound;
        String method = methods.get(answer.id());
        switch (method) {
            case "initialize" -> assertReads(message.path("result"), answer.result(), ModelInfo.class);
            case "generate" -> assertReads(message.path("result"), answer.result(), GenerateResult.class);
            case "embed" -> assertReads(message.path("result"), answer.result(), EmbedResult.class);
            case "logits" -> assertReads(message.path("result"), answer.result(), LogitsResult.class);
            case "score" -> assertReads(message.path("result"), answer.result(), ScoreResult.class);
            case "rerank" -> assertReads(message.path("result"), answer.result(), RerankScores.class);
            case "parameters" -> assertReads(message.path("result"), answer.result(), ParametersResult.class);
            case "classifyActions" -> assertReads(message.path("result"), answer.result(), ActionsResult.class);
            case "ping" -> assertReads(message.path("result"), answer.result(), Pong.class);
            case "tokenize" -> assertReads(message.path("result"), answer.result(), TokenizeResult.class);
            case "countTokens" -> assertReads(message.path("result"), answer.result(), CountResult.class);
            case "applyTemplate" -> assertReads(message.path("result"), answer.result(), TemplateResult.class);
            default -> assertThat(answer.result()).isEqualTo(message.path("result"));
        }
        return method;
    }

    private static Class<?> notificationType(String method) {
        return switch (method) {
            case "hello" -> Hello.class;
            case "chunk" -> Chunk.class;
            case "embedding" -> Embedding.class;
            case "positionLogits" -> PositionLogits.class;
            case "progress" -> Progress.class;
            case "log" -> LogLine.class;
            default -> throw new AssertionError("no such notification: " + method);
        };
    }

    private static void assertReads(JsonNode golden, JsonNode part, Class<?> type) throws IOException {
        assertSame(golden, Codec.read(part, type));
    }

    /**
     * Whether each field of the record has the golden value, or none where the transcript has none; those that the
     * record lacks are of no concern to Java.
     */
    private static void assertSame(JsonNode golden, Object record) throws IOException {
        JsonNode read = JSON.readTree(JSON.writeValueAsBytes(record));
        assertThat(read).isNotEmpty();
        assertThat(isSame(golden, read)).as("%s is %s", golden, read).isTrue();
    }

    private static boolean isSame(JsonNode golden, JsonNode read) {
        if (golden.isObject() && read.isObject()) {
            return read.properties().stream().allMatch(field -> isSame(golden.path(field.getKey()), field.getValue()));
        }
        if (golden.isArray() && read.isArray() && golden.size() == read.size()) {
            return IntStream.range(0, read.size()).allMatch(i -> isSame(golden.get(i), read.get(i)));
        }
        if (golden.isMissingNode()) {
            return read.isNull() || (read.isArray() && read.isEmpty());
        }
        return read.equals(GoldenTranscriptTest::compare, golden);
    }

    private static byte[] write(JsonNode message) {
        String id = message.path("id").textValue();
        JsonNode params = message.path("params");
        return switch (message.path("method").textValue()) {
            case "initialize" -> Codec.line(id, Codec.body("initialize", Codec.read(params, InitializeParams.class)));
            case "generate" -> Codec.line(id, Codec.body("generate", Codec.read(params, GenerateParams.class)));
            case "embed", "classifyActions" ->
                Codec.line(id, Codec.body(message.path("method").textValue(), Codec.read(params, EmbedParams.class)));
            case "logits" -> Codec.line(id, Codec.body("logits", Codec.read(params, LogitsParams.class)));
            case "score" -> Codec.line(id, Codec.body("score", Codec.read(params, ScoreParams.class)));
            case "rerank" -> Codec.line(id, Codec.body("rerank", Codec.read(params, RerankParams.class)));
            case "tokenize", "countTokens", "applyTemplate" ->
                Codec.line(id, Codec.body(message.path("method").textValue(), Codec.read(params, PromptParams.class)));
            case "cancel" ->
                Codec.notification("cancel", Map.of("id", params.path("id").textValue()));
            default -> Codec.line(id, Codec.body(message.path("method").textValue(), params));
        };
    }

    /** Whether the worker refuses it as nothing that Java would send. */
    private static boolean isRefused(JsonNode message, List<JsonNode> entries) {
        return message.has("id")
                && entries.stream()
                        .map(entry -> entry.path("message"))
                        .filter(answer -> answer.path("id").equals(message.path("id")))
                        .anyMatch(answer -> answer.path("error")
                                .path("data")
                                .path("kind")
                                .asText()
                                .equals("invalid_request"));
    }

    private static JsonNode fill(String field, JsonNode golden) {
        if (golden.isTextual() && golden.textValue().equals("*")) {
            return something(field);
        }
        if (golden instanceof ObjectNode object) {
            ObjectNode filled = JSON.createObjectNode();
            object.properties().forEach(entry -> filled.set(entry.getKey(), fill(entry.getKey(), entry.getValue())));
            return filled;
        }
        if (golden instanceof ArrayNode array) {
            ArrayNode filled = JSON.createArrayNode();
            array.forEach(element -> filled.add(fill(field, element)));
            return filled;
        }
        return golden;
    }

    private static JsonNode something(String field) {
        if (TEXTS.contains(field)) {
            return JsonNodeFactory.instance.textNode("some " + field);
        }
        if (field.endsWith("Ms")) {
            return JsonNodeFactory.instance.numberNode(1.5);
        }
        if (field.equals("pid")) {
            return JsonNodeFactory.instance.numberNode(4711);
        }
        if (field.equals("detail")) {
            return JsonNodeFactory.instance.textNode("Traceback (most recent call last):");
        }
        if (field.equals("vector")) {
            return JsonNodeFactory.instance.textNode("AACAPwAAAAA=");
        }
        if (field.equals("dimensions")) {
            return JsonNodeFactory.instance.numberNode(2);
        }
        if (field.equals("capabilities")) {
            return JsonNodeFactory.instance.arrayNode().add("some capability");
        }
        if (field.equals("memory")) {
            return JsonNodeFactory.instance.objectNode().put("activeBytes", 7).put("residentBytes", 9);
        }
        if (field.equals("samplingDefaults")) {
            return JsonNodeFactory.instance.objectNode().put("temperature", 0.7);
        }
        throw new AssertionError("which values may " + field + " have?");
    }

    /** Numbers by value, anything else by itself. */
    private static int compare(JsonNode one, JsonNode other) {
        if (one.isNumber() && other.isNumber()) {
            return one.decimalValue().compareTo(other.decimalValue());
        }
        return one.equals(other) ? 0 : 1;
    }

    private static boolean isFromJava(JsonNode entry) {
        return entry.path("from").asText().equals("java");
    }

    private static List<JsonNode> entries(Path transcript) throws IOException {
        List<JsonNode> entries = new ArrayList<>();
        for (String line : Files.readAllLines(transcript)) {
            entries.add(JSON.readTree(line));
        }
        return entries;
    }
}
