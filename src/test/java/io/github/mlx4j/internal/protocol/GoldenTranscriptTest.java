package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Reads the golden transcripts, which pytest replays against a worker line by line; {@code "*"} matches anything there.
 */
class GoldenTranscriptTest {

    private static final Path FOLDER = Path.of("src", "test", "resources", "protocol");
    private static final JsonMapper JSON = new JsonMapper();
    /** Writes what Java only reads, as workers do. */
    private static final JsonMapper WRITER = Codec.JSON
            .rebuild()
            .addModule(new SimpleModule()
                    .addSerializer(writer(Duration.class, duration -> duration.toNanos() / 1e6))
                    .addSerializer(writer(Optional.class, optional -> ((Optional<?>) optional).orElse(null)))
                    .addSerializer(writer(OptionalInt.class, value -> value.isPresent() ? value.getAsInt() : null))
                    .addSerializer(writer(OptionalLong.class, value -> value.isPresent() ? value.getAsLong() : null)))
            .build();

    private static <T> StdSerializer<T> writer(Class<T> type, Function<T, @Nullable Object> content) {
        return new StdSerializer<>(type) {
            @Override
            public void serialize(T value, JsonGenerator out, SerializerProvider provider) throws IOException {
                provider.defaultSerializeValue(content.apply(value), out);
            }
        };
    }

    private static final Backend NO_BACKEND = new Backend(ProviderKind.MLX, "", "");
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
                written.add(withoutEmpty(JSON.readTree(write(message)), message));
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
            case "initialize" -> assertInitialized(message.path("result"), answer.result());
            case "generate" -> assertReads(message.path("result"), answer.result(), Generate.Result.class);
            case "embed" -> assertReads(message.path("result"), answer.result(), Embed.Result.class);
            case "logits" -> assertReads(message.path("result"), answer.result(), Analysis.Logits.class);
            case "score" -> assertReads(message.path("result"), answer.result(), Score.class);
            case "rerank" -> assertReads(message.path("result"), answer.result(), Rerank.Result.class);
            case "parameters" -> assertReads(message.path("result"), answer.result(), Analysis.Parameters.class);
            case "classifyActions" -> assertReads(message.path("result"), answer.result(), Analysis.Actions.class);
            case "ping" -> assertReads(message.path("result"), answer.result(), Pong.class);
            case "tokenize" -> assertReads(message.path("result"), answer.result(), Prompts.Tokens.class);
            case "countTokens" -> assertReads(message.path("result"), answer.result(), Prompts.Count.class);
            case "applyTemplate" -> assertReads(message.path("result"), answer.result(), Prompts.Text.class);
            default -> assertThat(answer.result()).isEqualTo(message.path("result"));
        }
        return method;
    }

    private static Class<?> notificationType(String method) {
        return switch (method) {
            case "hello" -> Hello.class;
            case "chunk" -> Generate.Chunk.class;
            case "embedding" -> Embed.Embedding.class;
            case "positionLogits" -> Analysis.PositionLogits.class;
            case "progress" -> Progress.class;
            case "log" -> Inbound.LogLine.class;
            default -> throw new AssertionError("no such notification: " + method);
        };
    }

    private static void assertReads(JsonNode golden, JsonNode part, Class<?> type) throws IOException {
        assertSame(golden, Codec.read(part, type));
    }

    /**
     * Checks that each field of the record has the golden value, or is empty if the transcript has none. Golden fields
     * that the record lacks are not relevant to Java.
     */
    private static void assertSame(JsonNode golden, Object record) throws IOException {
        JsonNode read = JSON.readTree(WRITER.writeValueAsBytes(record));
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
            case "initialize" -> Load.initialize(load(params), ProviderKind.MLX).line(id);
            case "generate" -> Generate.call(request(params)).line(id);
            case "embed" ->
                Embed.call(
                                texts(params.path("texts")),
                                params.path("promptName").textValue())
                        .line(id);
            case "classifyActions" ->
                Analysis.actions(params.path("texts").path(0).textValue()).line(id);
            case "logits" -> Analysis.logits(ids(params.path("tokens"))).line(id);
            case "score" ->
                Prompts.score(request(params), params.path("completion").textValue())
                        .line(id);
            case "rerank" -> Rerank.call(rerankRequest(params), NO_BACKEND).line(id);
            case "tokenize" -> Prompts.tokenize(request(params)).line(id);
            case "countTokens" -> Prompts.countTokens(request(params)).line(id);
            case "applyTemplate" -> Prompts.applyTemplate(request(params)).line(id);
            case "cancel" ->
                Codec.notification("cancel", Map.of("id", params.path("id").textValue()));
            default -> Codec.line(id, Codec.body(message.path("method").textValue(), params));
        };
    }

    private static Load.Params<Load.Options> load(JsonNode params) {
        return new Load.Params<>(
                Codec.read(params.path("protocol"), Hello.Version.class),
                Codec.read(params.path("model"), Load.Model.class),
                params.path("download").booleanValue(),
                params.has("options") ? Codec.read(params.path("options"), Load.Options.class) : null,
                null);
    }

    private static void assertInitialized(JsonNode golden, JsonNode result) throws IOException {
        Load.Loaded loaded =
                Load.initialize(Load.Params.of("any", false), ProviderKind.MLX).read(result);
        ObjectNode details = (ObjectNode) JSON.readTree(WRITER.writeValueAsBytes(loaded.details()));
        assertThat(details.path("backend").path("provider").textValue()).isEqualTo("MLX");
        assertThat(details.remove("activeBytes"))
                .isEqualTo(golden.path("memory").path("activeBytes"));
        details.setAll((ObjectNode) details.remove("backend"));
        details.remove("provider");
        assertThat(isSame(golden, details)).as("%s is %s", golden, details).isTrue();
        assertSame(golden.path("memory"), loaded.memory());
    }

    /** The request that makes these params. */
    private static GenerationRequest request(JsonNode params) {
        GenerationRequest.Builder request = GenerationRequest.builder();
        params.path("messages")
                .forEach(message -> request.message(new Message(
                        Message.Role.valueOf(message.path("role").textValue().toUpperCase(Locale.ROOT)),
                        message.path("content").textValue())));
        if (params.has("prompt")) {
            request.prompt(new Prompt.Raw(params.path("prompt").textValue()));
        } else if (params.has("tokens")) {
            request.prompt(new Prompt.Tokens(ids(params.path("tokens"))));
        }
        JsonNode sampling = params.path("sampling");
        if (!sampling.isMissingNode()) {
            request.temperature(sampling.path("temperature").doubleValue())
                    .topP(sampling.path("topP").doubleValue())
                    .topK(sampling.path("topK").intValue())
                    .seed(sampling.path("seed").longValue());
        }
        if (params.has("cacheSalt")) {
            request.cacheSalt(params.path("cacheSalt").textValue());
        }
        return request.maxTokens(params.path("maxTokens").intValue())
                .stop(texts(params.path("stop")))
                .build();
    }

    private static RerankRequest rerankRequest(JsonNode params) {
        return RerankRequest.builder(params.path("query").textValue(), texts(params.path("documents")))
                .truncate(params.path("truncate").booleanValue())
                .build();
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::textValue)
                .toList();
    }

    private static List<Integer> ids(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::intValue)
                .toList();
    }

    /** Without what Java always sends, and the transcript leaves out where it is empty. */
    private static JsonNode withoutEmpty(JsonNode written, JsonNode golden) {
        ObjectNode params = (ObjectNode) written.path("params");
        for (String field : List.of("sampling", "stop")) {
            if (params.path(field).isEmpty() && !golden.path("params").has(field)) {
                params.remove(field);
            }
        }
        return written;
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
