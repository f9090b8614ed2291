package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests what a request can ask of every worker in addition to text. Uses the real worker and the fixture model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 5, unit = TimeUnit.MINUTES)
abstract class RequestContract {

    static final String PERSON = """
            {"type": "object", "additionalProperties": false, "required": ["name", "age", "tags"], "properties": {
              "name": {"type": "string", "maxLength": 20},
              "age": {"type": "integer", "minimum": 0, "maximum": 150},
              "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3}}}
            """;
    private static final JsonMapper JSON = new JsonMapper();
    private static final ToolSpec WEATHER = new ToolSpec(
            "getWeather",
            "Returns the weather in a city",
            "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\", \"description\": \"the city\"}},"
                    + " \"required\": [\"city\"]}");

    private final ProviderKind kind;
    ProviderFactory providers;
    TextGenerationPort llm;
    TokenizerPort tokenizer;
    EmbeddingPort embeddings;

    RequestContract(ProviderKind kind) {
        this.kind = kind;
    }

    @BeforeAll
    void startWorker() {
        providers = Fixture.factory(kind, Fixture.MODEL);
        llm = providers.createTextGenerationAdapter();
        tokenizer = providers.createTokenizer();
        embeddings = providers.createEmbeddingAdapter();
        providers.warmUp();
    }

    @AfterAll
    void stopWorker() {
        providers.close();
    }

    @Test
    void shouldKeepAJsonSchemaGreedyAndSampledAndBesideFreeRequests() throws Exception {
        Fixture.Known months = Fixture.known("List the months");
        List<CompletableFuture<GenerationResult>> free = new ArrayList<>();
        List<CompletableFuture<GenerationResult>> kept = new ArrayList<>();
        for (int seed = 0; seed < 4; seed++) {
            free.add(llm.generateAsync(months.request()));
            kept.add(llm.generateAsync(GenerationRequest.builder()
                    .user("Who are you?")
                    .responseFormat(ResponseFormat.jsonSchema(PERSON))
                    .temperature(seed)
                    .seed(seed)
                    .build()));
        }
        for (CompletableFuture<GenerationResult> answer : kept) {
            GenerationResult result = answer.join();
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
            JsonNode person = JSON.readTree(result.text());
            assertThat(person.fieldNames()).toIterable().containsExactly("name", "age", "tags");
            assertThat(person.get("name").asText().length()).isLessThanOrEqualTo(20);
            assertThat(person.get("age").isInt()).isTrue();
            assertThat(person.get("age").asInt()).isBetween(0, 150);
            assertThat(person.get("tags")).hasSizeBetween(1, 3);
        }
        assertThat(free).allSatisfy(one -> assertThat(one.join().text()).isEqualTo(months.text()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[0-9]{3}-[a-f]{2}", "(yes|no), [A-Z]{5}!", "<think>[ab]{4}</think>", "ü{2}漢?😀"})
    void shouldMatchARegex(String pattern) {
        GenerationResult result = llm.generate(GenerationRequest.builder()
                .user("Who are you?")
                .responseFormat(ResponseFormat.regex(pattern))
                .build());
        assertThat(result.text()).matches(pattern);
        assertThat(result.thinking()).isEmpty();
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void shouldChooseAmongStrings() {
        List<String> choices = List.of("yes", "no", "yesterday", "a \"quoted\\\n\" line");
        for (int seed = 0; seed < 6; seed++) {
            GenerationResult result = llm.generate(GenerationRequest.builder()
                    .user("Hm?")
                    .responseFormat(ResponseFormat.choice(choices))
                    .temperature(20)
                    .seed(seed)
                    .build());
            assertThat(choices).contains(result.text());
        }
    }

    @Test
    void shouldSayThatMaxTokensCutAFormat() {
        GenerationResult result = llm.generate(GenerationRequest.builder()
                .user("Who are you?")
                .responseFormat(ResponseFormat.jsonSchema(PERSON))
                .maxTokens(5)
                .build());
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @ParameterizedTest
    @ValueSource(strings = {"uniqueItems", "not", "if", "contains", "propertyNames", "dependentRequired"})
    void shouldRefuseASchemaFeatureThatItCannotEnforceByName(String keyword) {
        GenerationRequest request = GenerationRequest.builder()
                .user("Hm?")
                .responseFormat(
                        ResponseFormat.jsonSchema(Map.of(keyword, keyword.equals("uniqueItems") ? true : Map.of())))
                .build();
        assertThatThrownBy(() -> llm.generate(request))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(keyword);
    }

    @Test
    void shouldRefuseWhatIsNoSchema() {
        for (ResponseFormat bad : List.of(
                ResponseFormat.jsonSchema("[1]"),
                ResponseFormat.jsonSchema("{\"type\": \"strin\"}"),
                ResponseFormat.jsonSchema("{\"type\""),
                ResponseFormat.regex("("),
                ResponseFormat.choice(List.of()))) {
            GenerationRequest request =
                    GenerationRequest.builder().user("Hm?").responseFormat(bad).build();
            assertThatThrownBy(() -> llm.generate(request)).isInstanceOf(InvalidRequestException.class);
        }
    }

    @Test
    void shouldTellThinkingFromTheAnswer() {
        Fixture.Known whale = Fixture.known("Think: is a whale a fish?");
        StringBuilder text = new StringBuilder();
        StringBuilder thinking = new StringBuilder();
        GenerationResult result;
        try (GenerationStream stream = llm.stream(whale.request())) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Thinking piece) {
                    assertThat(text).isEmpty();
                    thinking.append(piece.text());
                } else if (event instanceof GenerationEvent.Text piece) {
                    text.append(piece.text());
                }
            }
            result = stream.result();
        }
        assertThat(whale.thinking()).isNotEmpty();
        assertThat(thinking).hasToString(whale.thinking());
        assertThat(text).hasToString(whale.text());
        assertThat(result.thinking()).isEqualTo(whale.thinking());
        assertThat(result.text()).isEqualTo(whale.text());
        assertThat(result.tokens()).isEqualTo(whale.tokens());
        assertThat(result.usage().thinkingTokens()).isBetween(10, result.usage().completionTokens() - 5);
        GenerationResult quick =
                llm.generate(whale.request().toBuilder().thinking(false).build());
        assertThat(quick.thinking()).isEmpty();
    }

    @Test
    void shouldReadACallOfAToolAndTakeItsResult() throws Exception {
        List<Message> chat = new ArrayList<>(List.of(Message.user("What is the weather in Munich?")));
        GenerationRequest.Builder request = GenerationRequest.builder().tools(WEATHER);
        GenerationResult called = llm.generate(
                GenerationRequest.chat(chat).toBuilder().tools(WEATHER).build());
        assertThat(called.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
        assertThat(called.text()).isEmpty();
        assertThat(called.unreadToolCalls()).isEmpty();
        assertThat(called.toolCalls()).singleElement().satisfies(call -> {
            assertThat(call.id()).isNotEmpty();
            assertThat(call.name()).isEqualTo("getWeather");
            assertThat(JSON.readTree(call.arguments())).isEqualTo(JSON.readTree("{\"city\": \"Munich\"}"));
        });
        request.user("What is the weather in Munich?")
                .message(Message.assistant("", called.toolCalls()))
                .message(Message.tool(called.toolCalls().get(0), "sunny"));
        GenerationResult answer = llm.generate(request.build());
        assertThat(answer.toolCalls()).isEmpty();
        assertThat(answer.text()).isNotEmpty();
    }

    @Test
    void shouldReportACallThatItCannotReadWithItsText() {
        Map<Integer, Double> noBraces = new HashMap<>();
        for (String closing : List.of("}", "\"}", "}}", "\"}}", "}}\n")) {
            List<Integer> ids = tokenizer.tokenize(closing);
            if (ids.size() == 1) {
                noBraces.put(ids.get(0), -100.0);
            }
        }
        GenerationResult result = llm.generate(GenerationRequest.builder()
                .user("What is the weather in Munich?")
                .tools(WEATHER)
                .logitBias(noBraces)
                .maxTokens(60)
                .build());
        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.unreadToolCalls()).singleElement().satisfies(unread -> {
            assertThat(unread.text()).startsWith("{\"name\": \"getWeather\"");
            assertThat(unread.reason()).contains("JSONDecodeError");
        });
    }

    @Test
    void shouldReportLogProbabilities() {
        GenerationRequest request = Fixture.known("List the months").request();
        GenerationResult result = llm.generate(request.toBuilder().logProbs(3).build());
        assertThat(result.logProbs()).hasSameSizeAs(result.tokens());
        for (int i = 0; i < result.tokens().size(); i++) {
            TokenLogProb one = result.logProbs().get(i);
            assertThat(one.logProb()).isLessThanOrEqualTo(0);
            assertThat(one.top()).hasSize(3);
            assertThat(one.top().get(0).token()).isEqualTo(result.tokens().get(i)); // greedy
            assertThat(one.top().get(0).logProb()).isCloseTo(one.logProb(), within(Tolerance.of(1e-4)));
            assertThat(one.top().get(0).logProb())
                    .isGreaterThanOrEqualTo(one.top().get(2).logProb());
        }
        assertThat(llm.generate(request).logProbs()).isEmpty();
    }

    @Test
    void shouldBiasAndPenalizeTokens() {
        GenerationRequest.Builder story =
                GenerationRequest.builder().user(Fixture.STORY).maxTokens(20);
        assertThat(llm.generate(story.logitBias(Map.of(5, 100.0)).build()).tokens())
                .containsOnly(5);
        GenerationRequest.Builder biased = GenerationRequest.builder()
                .user(Fixture.STORY)
                .maxTokens(20)
                .logitBias(Map.of(5, 30.0))
                .frequencyPenalty(10);
        List<Integer> penalized = llm.generate(biased.build()).tokens();
        assertThat(Set.copyOf(penalized)).hasSizeGreaterThan(3);
        assertThatThrownBy(
                        () -> llm.generate(biased.logitBias(Map.of(1024, 1.0)).build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("1024");
    }

    @Test
    void shouldTokenizeCountAndApplyTheTemplate() {
        String text = "Why is the sky blue? 漢字 😀";
        List<Integer> ids = tokenizer.tokenize(text);
        assertThat(tokenizer.countTokens(text)).isEqualTo(ids.size());
        GenerationRequest chat = GenerationRequest.chat("Who are you?");
        assertThat(tokenizer.applyTemplate(chat))
                .isEqualTo("<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n");
        assertThat(tokenizer.countTokens(chat))
                .isEqualTo(llm.generate(chat).usage().promptTokens());
        GenerationRequest withTools = chat.toBuilder().tools(WEATHER).build();
        assertThat(tokenizer.applyTemplate(withTools)).contains("getWeather");
        assertThat(tokenizer.countTokens(withTools)).isGreaterThan(tokenizer.countTokens(chat));
    }

    @Test
    void shouldEmbedTextsBesideGeneration() {
        CompletableFuture<GenerationResult> story = llm.generateAsync(GenerationRequest.chat(Fixture.STORY));
        List<float[]> vectors = embeddings.embed(List.of("Hello World", "Hello World!", "List the months"));
        assertThat(vectors).hasSize(3).allSatisfy(vector -> assertThat(vector).hasSize(192));
        assertThat(cosine(vectors.get(0), vectors.get(1))).isGreaterThan(cosine(vectors.get(0), vectors.get(2)));
        assertThat(embeddings.embed("Hello World")).containsExactly(vectors.get(0), within((float) Tolerance.of(1e-5)));
        assertThat(story.join().text()).isEqualTo(Fixture.known(Fixture.STORY).text());
        assertThatThrownBy(() -> embeddings.embed("")).isInstanceOf(InvalidRequestException.class);
    }

    private static double cosine(float[] one, float[] other) {
        return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other));
    }

    private static double dot(float[] one, float[] other) {
        return IntStream.range(0, one.length)
                .mapToDouble(i -> one[i] * other[i])
                .sum();
    }

    @Test
    void shouldReuseThePrefixOfTheTurnBefore() {
        GenerationResult first = llm.generate(Fixture.STORY);
        List<Message> chat =
                List.of(Message.user(Fixture.STORY), Message.assistant(first.text()), Message.user("List the months"));
        GenerationResult second = llm.generate(
                GenerationRequest.chat(chat).toBuilder().maxTokens(20).build());
        assertThat(second.usage().cachedTokens())
                .isGreaterThanOrEqualTo(
                        first.usage().promptTokens() + first.tokens().size());
        try (ProviderFactory cold = ProviderFactory.create(Fixture.config(kind)
                .workers(Fixture.WORKERS.toBuilder().prefixCacheBytes(0).build())
                .build())) {
            GenerationResult same = cold.createTextGenerationAdapter()
                    .generate(GenerationRequest.chat(chat).toBuilder()
                            .maxTokens(20)
                            .build());
            assertThat(same.tokens()).isEqualTo(second.tokens());
            assertThat(same.usage().cachedTokens()).isZero();
        }
    }

    @Test
    void shouldShareNoPrefixWhenTheCacheSaltsDiffer() {
        GenerationRequest secret = GenerationRequest.raw("The password of the vault is swordfish. ".repeat(4));
        GenerationRequest theirs =
                secret.toBuilder().maxTokens(2).cacheSalt("theirs").build();
        llm.generate(theirs);
        assertThat(cachedTokens(theirs)).isPositive();
        assertThat(cachedTokens(theirs.toBuilder().cacheSalt("mine").build())).isZero();
        assertThat(cachedTokens(secret.toBuilder().maxTokens(2).build())).isZero();
    }

    private int cachedTokens(GenerationRequest request) {
        return llm.generate(request).usage().cachedTokens();
    }
}
