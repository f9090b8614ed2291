package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests what every worker must do. Uses the real worker and the fixture model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 5, unit = TimeUnit.MINUTES)
abstract class WorkerContract {

    private static final JsonMapper JSON = new JsonMapper();

    final ProviderKind kind;
    ProviderFactory providers;
    TextGenerationPort llm;

    WorkerContract(ProviderKind kind) {
        this.kind = kind;
    }

    @BeforeAll
    void startWorker() {
        providers = Fixture.factory(kind, Fixture.MODEL);
        llm = providers.createTextGenerationAdapter();
        providers.warmUp();
    }

    @AfterAll
    void stopWorker() {
        providers.close();
        assertThat(Fixture.workers(kind)).isEmpty();
    }

    @Test
    void shouldGiveTheKnownAnswerTokenForToken() {
        for (Fixture.Known known : Fixture.knownAnswers()) {
            GenerationResult result = llm.generate(known.request());
            assertThat(result.tokens()).as(known.question()).isEqualTo(known.tokens());
            assertThat(result.text()).isEqualTo(known.text());
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(result.stopString()).isEmpty();
            assertThat(result.usage().completionTokens())
                    .isEqualTo(known.tokens().size() + 1);
        }
    }

    @Test
    void shouldNameBackendUsageAndTimings() {
        GenerationResult result = llm.generate("Why is the sky blue?");
        assertThat(result.backend().provider()).isEqualTo(kind);
        assertThat(result.backend().model()).isEqualTo(Fixture.MODEL.toString());
        assertThat(result.backend().device()).isIn("cpu", "gpu", "mps", "cuda");
        assertThat(result.usage().promptTokens()).isPositive();
        assertThat(result.timings().prefill()).isPositive();
        assertThat(result.timings().decode()).isPositive();
        assertThat(result.timings().firstToken())
                .isCloseTo(result.timings().queue().plus(result.timings().prefill()), Duration.ofMillis(1));
    }

    @Test
    void shouldStreamWholeCharactersThatAddUpToTheAnswer() {
        for (String question : List.of("Answer with emoji: family", "Greet the world in Hindi", Fixture.STORY)) {
            Fixture.Known known = Fixture.known(question);
            StringBuilder text = new StringBuilder();
            List<Integer> tokens = new ArrayList<>();
            int events = 0;
            try (GenerationStream stream = llm.stream(known.request())) {
                for (GenerationEvent event : stream) {
                    if (event instanceof GenerationEvent.Text piece) {
                        assertThat(piece.text()).doesNotContain("\uFFFD");
                        text.append(piece.text());
                        tokens.addAll(piece.tokens());
                        events++;
                    }
                }
            }
            assertThat(text).hasToString(known.text());
            assertThat(tokens).isEqualTo(known.tokens());
            assertThat(events).isGreaterThan(tokens.size() / 3);
        }
    }

    @ParameterizedTest
    @MethodSource("stops")
    void shouldStopBeforeAStopStringHoweverTheTokensFall(String stop, String expected) {
        GenerationRequest request = GenerationRequest.builder()
                .user("Say 'Hello World'")
                .stop("nowhere", stop)
                .build();
        GenerationResult result = llm.generate(request);
        assertThat(result.text()).isEqualTo(expected);
        assertThat(result.stopString()).contains(stop);
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    static Stream<Arguments> stops() {
        return Stream.of(
                Arguments.of("World", "Hello "),
                Arguments.of(" World", "Hello"),
                Arguments.of("o Wor", "Hell"),
                Arguments.of("H", ""),
                Arguments.of("d", "Hello Worl"));
    }

    @Test
    void shouldEndAtMaxTokensWithReasonLength() {
        Fixture.Known story = Fixture.known(Fixture.STORY);
        GenerationResult result =
                llm.generate(story.request().toBuilder().maxTokens(7).build());
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.tokens()).isEqualTo(story.tokens().subList(0, 7));
        assertThat(result.usage().completionTokens()).isEqualTo(7);
    }

    @Test
    void shouldTakeARawPromptAndTokensAsTheyAre() {
        String template = "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n";
        String answer = Fixture.known("Who are you?").text();
        assertThat(llm.generate(GenerationRequest.raw(template)).text()).isEqualTo(answer);

        Fixture.Known months = Fixture.known("List the months");
        List<Integer> half = months.tokens().subList(0, 20);
        GenerationResult continued = llm.generate(GenerationRequest.tokens(half.toArray(Integer[]::new)));
        assertThat(continued.usage().promptTokens()).isEqualTo(20);
    }

    @Test
    void shouldRepeatASampledAnswerForTheSameSeed() {
        GenerationRequest.Builder wild = GenerationRequest.builder()
                .user(Fixture.STORY)
                .temperature(4)
                .topK(200)
                .maxTokens(40);
        String first = llm.generate(wild.seed(1).build()).text();
        assertThat(llm.generate(wild.seed(1).build()).text()).isEqualTo(first);
        assertThat(llm.generate(wild.seed(2).build()).text()).isNotEqualTo(first);
        String narrowed = llm.generate(wild.topP(0.9).build()).text();
        assertThat(llm.generate(wild.build()).text()).isEqualTo(narrowed);
    }

    @Test
    void shouldSampleAnewWithoutASeed() {
        GenerationRequest wild = GenerationRequest.builder()
                .user(Fixture.STORY)
                .temperature(4)
                .maxTokens(40)
                .build();
        assertThat(llm.generate(wild).text()).isNotEqualTo(llm.generate(wild).text());
    }

    @ParameterizedTest
    @MethodSource("badRequests")
    void shouldRefuseABadRequestByNameWhileOthersGoOn(GenerationRequest bad, Class<?> type, String named) {
        Fixture.Known months = Fixture.known("List the months");
        CompletableFuture<GenerationResult> neighbour = llm.generateAsync(months.request());
        assertThatThrownBy(() -> llm.generate(bad)).isInstanceOf(type).hasMessageContaining(named);
        assertThat(neighbour.join().text()).isEqualTo(months.text());
    }

    static Stream<Arguments> badRequests() {
        GenerationRequest.Builder ok = GenerationRequest.builder().user("Who are you?");
        return Stream.of(
                Arguments.of(GenerationRequest.raw(""), InvalidRequestException.class, "prompt is empty"),
                Arguments.of(GenerationRequest.chat(List.of()), InvalidRequestException.class, "messages is empty"),
                Arguments.of(ok.maxTokens(0).build(), InvalidRequestException.class, "maxTokens is 0"),
                Arguments.of(ok.maxTokens(9).topK(1024).build(), InvalidRequestException.class, "topK is 1024"),
                Arguments.of(ok.topK(0).topP(1.5).build(), InvalidRequestException.class, "topP is 1.5"),
                Arguments.of(ok.topP(1).temperature(-1).build(), InvalidRequestException.class, "temperature is -1"),
                Arguments.of(ok.temperature(1).seed(-1).build(), InvalidRequestException.class, "seed is -1"),
                Arguments.of(ok.seed(1).stop("").build(), InvalidRequestException.class, "stop must be"),
                Arguments.of(GenerationRequest.tokens(5, 1024), InvalidRequestException.class, "Token id 1024"),
                Arguments.of(
                        GenerationRequest.chat(List.of(Message.user("a"), Message.system("late"))),
                        InvalidRequestException.class,
                        "chat template refused"),
                Arguments.of(
                        GenerationRequest.raw("word ".repeat(6000)), ContextOverflowException.class, "holds 4096"));
    }

    @Test
    void shouldEndARequestThatIsCancelledBeforeItsFirstToken() {
        GenerationRequest longPrompt = GenerationRequest.raw("Once upon a time. ".repeat(350));
        GenerationStream stream = llm.stream(longPrompt);
        stream.cancel();
        assertThatThrownBy(stream::result).isInstanceOf(CancelledException.class);
        assertThat(llm.generate("Who are you?").text())
                .isEqualTo(Fixture.known("Who are you?").text());
    }

    @Test
    void shouldEndWithinTwoStepsOfACancel() {
        List<Integer> late = new ArrayList<>();
        for (int run = 0; run < 15; run++) {
            int after = 0;
            try (GenerationStream stream = llm.stream(GenerationRequest.chat(Fixture.STORY))) {
                int pieces = 0;
                for (GenerationEvent event : stream) {
                    pieces++;
                    if (pieces == 20) {
                        stream.cancel();
                    }
                    after = pieces - 20;
                }
            } catch (CancelledException expected) {
                late.add(after);
            }
        }
        Collections.sort(late);
        System.out.println("pieces after a cancel: " + late);
        assertThat(late).hasSize(15);
        assertThat(late.get(late.size() / 2)).as("median of %s", late).isLessThanOrEqualTo(2);
    }

    @Test
    void shouldLoadAModelInTheShapeOfAHubCache(@TempDir Path cache) throws IOException {
        Path model = cache.resolve("models--mlx4j--tiny-chat");
        Path blobs = Files.createDirectories(model.resolve("blobs"));
        Path snapshot = Files.createDirectories(model.resolve("snapshots/0123456789abcdef"));
        try (Stream<Path> files = Files.list(Fixture.MODEL)) {
            for (Path file : files.toList()) {
                String blob = Integer.toHexString(file.getFileName().hashCode());
                Files.copy(file, blobs.resolve(blob));
                Files.createSymbolicLink(snapshot.resolve(file.getFileName()), Path.of("../../blobs", blob));
            }
        }
        Fixture.Known known = Fixture.known("Who are you?");
        try (ProviderFactory factory = Fixture.factory(kind, snapshot)) {
            assertThat(factory.createTextGenerationAdapter()
                            .generate(known.request())
                            .text())
                    .isEqualTo(known.text());
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badModels")
    void shouldRefuseABadModelWithTheReason(String name, BadModel bad, Class<?> type, String named, @TempDir Path temp)
            throws IOException {
        Path model = temp.resolve("model");
        copyFixture(model);
        bad.damage(model);
        List<String> before = listing(model);
        try (ProviderFactory factory = Fixture.factory(kind, model)) {
            TextGenerationPort broken = factory.createTextGenerationAdapter();
            assertThatThrownBy(() -> broken.generate("Who are you?"))
                    .isInstanceOf(type)
                    .hasMessageContaining(named)
                    .hasMessageContaining(model.toString());
        }
        assertThat(listing(model)).isEqualTo(before);
    }

    interface BadModel {
        void damage(Path model) throws IOException;
    }

    static Stream<Arguments> badModels() {
        return Stream.of(
                bad("no folder", WorkerContract::delete, ModelNotFoundException.class, "no model folder"),
                bad(
                        "no weights",
                        m -> Files.delete(m.resolve("model.safetensors")),
                        ModelLoadException.class,
                        "no weights"),
                bad(
                        "no config",
                        m -> Files.delete(m.resolve("config.json")),
                        ModelLoadException.class,
                        "no config.json"),
                bad(
                        "pickles",
                        m -> Files.move(m.resolve("model.safetensors"), m.resolve("pytorch_model.bin")),
                        UnsafeModelException.class,
                        "only pickled weights"),
                bad(
                        "unknown architecture",
                        m -> config(m, Map.of("model_type", "nosuch")),
                        ModelLoadException.class,
                        "nosuch"),
                bad(
                        "code in the folder",
                        m -> config(m, Map.of("model_file", "evil.py")),
                        UnsafeModelException.class,
                        "model_file"),
                bad(
                        "truncated weights",
                        m -> Files.write(
                                m.resolve("model.safetensors"),
                                Arrays.copyOf(Files.readAllBytes(m.resolve("model.safetensors")), 100_000)),
                        ModelLoadException.class,
                        "is damaged"),
                bad(
                        "weights of another shape",
                        m -> config(m, Map.of("hidden_size", 256)),
                        ModelLoadException.class,
                        ""),
                bad(
                        "a link out of the folder",
                        m -> {
                            Path outside = Files.move(
                                    m.resolve("model.safetensors"), m.resolveSibling("elsewhere.safetensors"));
                            Files.createSymbolicLink(m.resolve("model.safetensors"), outside);
                        },
                        UnsafeModelException.class,
                        "outside"));
    }

    private static Arguments bad(String name, BadModel damage, Class<?> type, String named) {
        return Arguments.of(name, damage, type, named);
    }

    private static void config(Path model, Map<String, Object> changes) throws IOException {
        Path file = model.resolve("config.json");
        ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
        changes.forEach((name, value) -> config.set(name, JSON.valueToTree(value)));
        JSON.writeValue(file.toFile(), config);
    }

    private static void copyFixture(Path target) throws IOException {
        Files.createDirectory(target);
        try (Stream<Path> files = Files.list(Fixture.MODEL)) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    private static List<String> listing(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName() + " " + file.toFile().length())
                    .sorted()
                    .toList();
        }
    }

    static Throwable causeOf(CompletableFuture<?> future) {
        try {
            future.join();
            return new AssertionError("it did not fail");
        } catch (CompletionException failure) {
            return failure.getCause();
        }
    }
}
