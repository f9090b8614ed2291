package io.github.mlx4j.adapter;

import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.TestClock;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Generate;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.internal.worker.Worker;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class SubprocessAdapterTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final AtomicInteger launches = new AtomicInteger();
    private SubprocessAdapter adapter = mlx("fake");

    @TempDir
    private Path scratch;

    @AfterEach
    void closeAdapter() {
        adapter.close();
    }

    @Test
    void shouldGiveTheTextInAllFourForms() {
        GenerationRequest request = GenerationRequest.raw("Hi \ud83d\udc4b");
        CompletableFuture<GenerationResult> heard = new CompletableFuture<>();
        List<String> pieces = new CopyOnWriteArrayList<>();
        adapter.stream(request, new GenerationListener() {
            @Override
            public void onText(GenerationEvent.Text text) {
                pieces.add(text.text());
            }

            @Override
            public void onCompleted(GenerationResult result) {
                heard.complete(result);
            }
        });

        assertThat(adapter.generate(request).text()).isEqualTo("Hi \ud83d\udc4b");
        assertThat(adapter.generateAsync(request))
                .succeedsWithin(SOON)
                .satisfies(result -> assertThat(result.text()).isEqualTo("Hi \ud83d\udc4b"));
        assertThat(heard)
                .succeedsWithin(SOON)
                .satisfies(result -> assertThat(result.text()).isEqualTo("Hi \ud83d\udc4b"));
        assertThat(pieces).containsExactly("H", "i", " ", "\ud83d\udc4b");
        try (GenerationStream stream = adapter.stream(request)) {
            assertThat(stream.iterator())
                    .toIterable()
                    .element(3)
                    .isEqualTo(new GenerationEvent.Text("\ud83d\udc4b", List.of(0x1f44b)));
        }
        assertThat(launches).as("one worker for all").hasValue(1);
    }

    @Test
    void shouldSayWhatItTookAndWhoGaveIt() {
        GenerationResult result = adapter.generate(GenerationRequest.builder()
                .system("Be brief.")
                .user("One, two")
                .stop(",")
                .build());

        assertThat(result.text()).isEqualTo("One");
        assertThat(result.tokens()).containsExactly(79, 110, 101, 44);
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.stopString()).hasValue(",");
        assertThat(result.usage()).isEqualTo(new Usage(8, 4));
        assertThat(result.backend()).isEqualTo(new Backend(ProviderKind.MLX, "fake", "cpu"));
        assertThat(result.timings().firstToken())
                .isGreaterThanOrEqualTo(result.timings().queue())
                .isPositive();
    }

    @Test
    void shouldEndForLengthWhenMaxTokensAreReached() {
        GenerationResult result = adapter.generate(
                GenerationRequest.tokens(72, 101, 108).toBuilder().maxTokens(2).build());

        assertThat(result.text()).isEqualTo("He");
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.stopString()).isEmpty();
    }

    @Test
    void shouldNameItselfWhenItIsHf() {
        adapter = new HfSubprocessAdapter(new WorkerSettings(
                "fake", false, this::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), WorkerConfig.DEFAULT));

        assertThat(adapter.generate("Hi").backend().provider()).isEqualTo(ProviderKind.HF);
    }

    @Test
    void shouldGiveEachCallerItsOwnTextWhenManyAskAtOnce() {
        List<String> texts = IntStream.range(0, 8)
                .mapToObj(i -> "caller " + i + " gets this")
                .toList();

        List<CompletableFuture<GenerationResult>> answers = texts.stream()
                .map(text -> adapter.generateAsync(GenerationRequest.raw("{\"say\":\"" + text + "\",\"stepMs\":1}")))
                .toList();

        assertThat(answers).allSatisfy(answer -> assertThat(answer).succeedsWithin(SOON));
        assertThat(answers).extracting(answer -> answer.join().text()).isEqualTo(texts);
        assertThat(launches).hasValue(1);
    }

    @Test
    void shouldSendTheRequestAgainWhenTheWorkerDiesBeforeTheFirstToken() {
        Path once = scratch.resolve("once");

        assertThat(generate("{\"say\":\"Hello\",\"signal\":9,\"once\":\"" + once + "\"}")
                        .text())
                .isEqualTo("Hello");
        assertThat(once).exists();
        assertThat(launches).hasValue(2);
    }

    @Test
    void shouldFailWhenTheWorkerDiesTwiceBeforeTheFirstToken() {
        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> generate("{\"signal\":9}"))
                .withMessageStartingWith("The mlx worker died (exit code 137: killed")
                .satisfies(error -> assertThat(error.code()).isEqualTo("WORKER_DIED"));
        assertThat(launches).hasValue(2);
    }

    @Test
    void shouldNotSendTheRequestAgainWhenTheWorkerDiesAfterTheFirstToken() {
        Path once = scratch.resolve("once");
        String script = "{\"say\":\"Hello\",\"after\":2,\"signal\":9,\"once\":\"" + once + "\"}";

        try (GenerationStream stream = adapter.stream(GenerationRequest.raw(script))) {
            Iterator<GenerationEvent> events = stream.iterator();

            assertThat(events.next()).isEqualTo(new GenerationEvent.Text("H", List.of(72)));
            assertThat(events.next()).isEqualTo(new GenerationEvent.Text("e", List.of(101)));
            assertThatExceptionOfType(WorkerDiedException.class)
                    .isThrownBy(events::next)
                    .satisfies(error -> assertThat(error.exitCode()).isEqualTo(137))
                    .satisfies(SubprocessAdapterTest::shouldShowThisCall);
        }
        assertThat(launches).hasValue(1);
        assertThat(adapter.generate("Hi").text())
                .as("the next request has a new worker")
                .isEqualTo("Hi");
    }

    @Test
    void shouldNotSendARequestAgainWhenTheModelCannotBeLoaded() {
        adapter = mlx("{\"error\":\"ModelLoadFailed\"}");

        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(ModelLoadException.class)
                    .isThrownBy(() -> adapter.generate("Hi"))
                    .withMessage("ModelLoadFailed on demand What to do: Ask for something else.");
        }
        assertThat(launches).hasValue(1);
    }

    @Test
    void shouldEndCancelledWhenCancelledBeforeTheWorkerIsReady() throws Exception {
        Path go = scratch.resolve("go");
        adapter = mlx("{\"until\":\"" + go + "\"}");
        try (GenerationStream stream = adapter.stream(GenerationRequest.raw("Hi"))) {
            stream.cancel();

            assertThatExceptionOfType(CancelledException.class)
                    .isThrownBy(stream::result)
                    .withMessage("The request was cancelled.");
        }
        Files.createFile(go);
        assertGoesOn();
    }

    @Test
    void shouldEndCancelledWhenCancelledBeforeTheFirstToken() {
        adapter.warmUp();
        try (GenerationStream stream = adapter.stream(GenerationRequest.raw("{\"pause\":true}"))) {
            stream.cancel();

            assertThatExceptionOfType(CancelledException.class)
                    .isThrownBy(stream::result)
                    .satisfies(error -> assertThat(error.code()).isEqualTo("CANCELLED"));
        }
        assertGoesOn();
    }

    @Test
    void shouldEndCancelledWhenCancelledInTheMiddle() {
        String script = "{\"say\":\"abcdef\",\"after\":2,\"pause\":true}";
        try (GenerationStream stream = adapter.stream(GenerationRequest.raw(script))) {
            Iterator<GenerationEvent> events = stream.iterator();
            events.next();
            events.next();

            stream.cancel();

            assertThatExceptionOfType(CancelledException.class).isThrownBy(events::next);
        }
        assertGoesOn();
    }

    @Test
    void shouldEndCancelledWhenCancelledWhileTheWorkerStartsAgain() throws Exception {
        Path go = Files.createFile(scratch.resolve("go"));
        Load.Params<Load.Options> model = Load.Params.of("{\"until\":\"" + go + "\"}", false);
        CompletableFuture<Mlx4jException> failure = new CompletableFuture<>();
        try (Worker worker =
                new Worker("mlx", FakeWorker::launch, model, RestartBudget.standard(), WorkerLimits.STANDARD)) {
            WorkerGeneration generation = new WorkerGeneration(
                    ProviderKind.MLX,
                    worker,
                    Generate.call(GenerationRequest.raw("Hi")),
                    failingInto(failure),
                    () -> {});
            generation.begin();
            // Runs before the request is sent, which then fails on the spot.
            worker.ready().thenAccept(ready -> {
                delete(go);
                ProcessHandle.of(ready.client().pid()).orElseThrow().destroyForcibly();
                CompletableFuture<Mlx4jException> noticed = new CompletableFuture<>();
                ready.client().call(WorkerCall.of(Method.GENERATE, JsonNode.class), replyInto(noticed));
                noticed.orTimeout(SOON.toSeconds(), TimeUnit.SECONDS).join();
            });
            await().atMost(SOON)
                    .until(() -> Files.notExists(go) && !worker.ready().isDone());

            generation.cancel();

            Files.createFile(go);
            assertThat(failure).succeedsWithin(SOON).isInstanceOf(CancelledException.class);
        }
    }

    static Stream<Arguments> badRequests() {
        GenerationRequest.Builder hi = GenerationRequest.builder().user("Hi");
        return Stream.of(
                Arguments.of(GenerationRequest.chat(""), InvalidRequestException.class, "The prompt is empty."),
                Arguments.of(GenerationRequest.raw(""), InvalidRequestException.class, "The prompt is empty."),
                Arguments.of(GenerationRequest.tokens(), InvalidRequestException.class, "The prompt is empty."),
                Arguments.of(GenerationRequest.chat(List.of()), InvalidRequestException.class, "messages is empty."),
                Arguments.of(hi.maxTokens(0).build(), InvalidRequestException.class, "maxTokens is 0, but must be"),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").topK(0x110000).build(),
                        InvalidRequestException.class,
                        "topK is 1114112, but the model's vocabulary has 1114112 tokens."),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").temperature(-1).build(),
                        InvalidRequestException.class,
                        "temperature is -1.0, but must be a number from 0 to 100."),
                Arguments.of(
                        GenerationRequest.builder()
                                .user("Hi")
                                .temperature(Double.NaN)
                                .build(),
                        InvalidRequestException.class,
                        "temperature is 'NaN', but must be a number"),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").topP(0).build(),
                        InvalidRequestException.class,
                        "topP is 0.0, but must be a number above 0 up to 1."),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").seed(-1).build(),
                        InvalidRequestException.class,
                        "seed is -1, but must be"),
                Arguments.of(
                        GenerationRequest.builder().user("Hi").stop("").build(),
                        InvalidRequestException.class,
                        "stop must be a list of at most 16 non-empty strings."),
                Arguments.of(
                        GenerationRequest.raw("x".repeat(5000)),
                        ContextOverflowException.class,
                        "The prompt has 5000 tokens, but the model's context holds 4096 with the answer."),
                Arguments.of(
                        GenerationRequest.raw("x".repeat(9_000_000)),
                        InvalidRequestException.class,
                        "The request is longer than "),
                Arguments.of(
                        GenerationRequest.builder()
                                .user("Hi")
                                .responseFormat(new ResponseFormat.JsonSchema("{\"const\": 9007199254740993}"))
                                .build(),
                        InvalidRequestException.class,
                        "The response format's schema contains the number 9007199254740993 at /const"),
                Arguments.of(
                        GenerationRequest.builder()
                                .user("Hi")
                                .responseFormat(new ResponseFormat.JsonSchema(
                                        "{\"items\":".repeat(990) + "{}" + "}".repeat(990)))
                                .build(),
                        InvalidRequestException.class,
                        "The response format's schema must be a JSON object: Document nesting depth"),
                Arguments.of(
                        GenerationRequest.builder()
                                .user("Hi")
                                .responseFormat(new ResponseFormat.JsonSchema(
                                        "{\"items\":".repeat(126) + "{}" + "}".repeat(126)))
                                .build(),
                        InvalidRequestException.class,
                        "The JSON of the request is nested more than 128 levels deep."));
    }

    @ParameterizedTest
    @MethodSource("badRequests")
    void shouldRefuseABadRequestAndFinishItsNeighbour(
            GenerationRequest request, Class<? extends Mlx4jException> type, String message) {
        String text = "a neighbour's answer";
        try (GenerationStream neighbour =
                adapter.stream(GenerationRequest.raw("{\"say\":\"" + text + "\",\"stepMs\":1}"))) {
            Iterator<GenerationEvent> events = neighbour.iterator();
            events.next();

            assertThatExceptionOfType(type)
                    .isThrownBy(() -> adapter.generate(request))
                    .withMessageStartingWith(message)
                    .satisfies(SubprocessAdapterTest::shouldShowThisCall);
            assertThat(neighbour.result().text()).isEqualTo(text);
        }
    }

    private static void shouldShowThisCall(Throwable error) {
        assertThat(error.getStackTrace())
                .extracting(StackTraceElement::getClassName)
                .contains(SubprocessAdapterTest.class.getName());
    }

    @Test
    void shouldSayWhyAndWhatToDoWhenMlxCannotRunHere() {
        Availability not = new Availability.Unavailable(Reason.PACKAGE_MISSING, "There is no mlx.", "Install it.");
        adapter = new MlxSubprocessAdapter(new WorkerSettings(
                "fake", false, () -> not, FakeWorker.SCRIPTS, RestartBudget.standard(), WorkerConfig.DEFAULT));

        assertThat(adapter.isAvailable()).isFalse();
        assertThat(adapter.availability()).isEqualTo(not);
        assertFails(adapter.generateAsync(GenerationRequest.chat("Hi")), ProviderUnavailableException.class)
                .withMessage("There is no mlx. What to do: Install it.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("MLX_NOT_AVAILABLE"));
        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(adapter::warmUp)
                .satisfies(error -> assertThat(error.code()).isEqualTo("MLX_NOT_AVAILABLE"));
    }

    @Test
    void shouldSayWhyWhenHfCannotRunHere() {
        Availability not = new Availability.Unavailable(Reason.PACKAGE_MISSING, "There is no torch.", "Install it.");
        adapter = new HfSubprocessAdapter(new WorkerSettings(
                "fake", false, () -> not, FakeWorker.SCRIPTS, RestartBudget.standard(), WorkerConfig.DEFAULT));

        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(() -> adapter.generate("Hi"))
                .satisfies(error -> assertThat(error.code()).isEqualTo("HF_NOT_AVAILABLE"));
    }

    @Test
    void shouldStartTheWorkerWhenWarmedUpAndOnlyThen() {
        assertThat(adapter.isAvailable()).isTrue();
        assertThat(launches).as("asking starts nothing, though it probes").hasValue(1);

        adapter.warmUp();
        adapter.warmUp();
        adapter.generate("Hi");

        assertThat(launches).hasValue(2);
    }

    @Test
    void shouldFailWhatIsPendingAndWhatComesLaterWhenClosed() {
        try (GenerationStream running =
                adapter.stream(GenerationRequest.raw("{\"say\":\"abc\",\"after\":1,\"pause\":true}"))) {
            running.iterator().next();

            adapter.close();
            adapter.close();

            assertThatExceptionOfType(ClosedException.class)
                    .isThrownBy(running::result)
                    .withMessage("The mlx worker was closed.")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("CLOSED"));
        }
        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> adapter.generate("Hi"));
        assertThat(launches).hasValue(1);
    }

    @Test
    void shouldFailWhatWaitsForTheWorkerWhenClosed() {
        adapter = mlx("{\"until\":\"" + scratch.resolve("never") + "\"}");
        CompletableFuture<GenerationResult> waiting = adapter.generateAsync(GenerationRequest.chat("Hi"));

        adapter.close();

        assertFails(waiting, ClosedException.class).withMessage("The mlx worker was closed while it was starting.");
    }

    @Test
    void shouldFailWhenTheAnswerMakesNoSense() {
        String answer =
                "{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":\\\"2\\\",\\\"result\\\":{\\\"finishReason\\\":\\\"tired\\\"}}\\n";

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> generate("{\"say\":\"ok\",\"wire\":\"" + answer + "\"}"))
                .withMessageStartingWith("The mlx worker sent an answer that can't be parsed: ");
    }

    @Test
    void shouldFailWithTheTextAndAskNobodyElseWhenTheAnswerIsInvalid() {
        String invalid = "{\"say\":\"[1, 1]\",\"invalid\":\"It does not conform.\"}";
        Map<String, SubprocessAdapter> inOrder = new LinkedHashMap<>();
        inOrder.put("mlx", adapter);
        inOrder.put("hf", mlx("never asked"));
        FallbackAdapter both = new FallbackAdapter(inOrder);

        for (int i = 0; i < 12; i++) { // more than the circuit breaker would take of a backend's faults
            assertThatExceptionOfType(UnreadableAnswerException.class)
                    .isThrownBy(() -> both.generate(GenerationRequest.raw(invalid)))
                    .withMessage("It does not conform. What to do: Ask again.")
                    .satisfies(error -> assertThat(error.text()).isEqualTo("[1, 1]"));
        }

        assertThat(both.generate("Hi").text()).isEqualTo("Hi");
        assertThat(launches).as("neither sent again nor to the fallback").hasValue(1);
    }

    @Test
    void shouldFailWhenAPieceIsLost() {
        String piece = "{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"method\\\":\\\"chunk\\\",\\\"params\\\":"
                + "{\\\"id\\\":\\\"2\\\",\\\"seq\\\":0,\\\"text\\\":\\\"?\\\",\\\"tokens\\\":[]}}\\n";

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> generate("{\"say\":\"ok\",\"wire\":\"" + piece + "\"}"))
                .withMessage("A chunk of the mlx worker's answer was lost after 1 chunks."
                        + " What to do: This is a bug in mlx4j; please report it.");
    }

    @Test
    void shouldGiveTheWorkerAnAbsolutePathWhenTheModelIsARelativeFolder() {
        Path folder = Path.of("src", "test", "resources", "models", "tiny-chat");
        adapter = mlx(folder.toString());

        assertThat(adapter.generate("Hi").backend().model())
                .isEqualTo(folder.toAbsolutePath().toString());
    }

    @Test
    void shouldGiveTheWorkerTheNameWhenTheModelIsOfTheHub() {
        adapter = mlx("org/name");

        assertThat(adapter.generate("Hi").backend().model()).isEqualTo("org/name");
    }

    @Test
    void shouldKeepTheHubOfflineWhenDownloadsAreForbidden() {
        assertThat(generate("{\"env\":true}").text().lines()).contains("HF_HUB_OFFLINE");

        adapter.close();
        adapter = new MlxSubprocessAdapter(new WorkerSettings(
                "fake",
                true,
                this::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                WorkerConfig.builder().sandbox(SandboxMode.OFF).build()));
        assertThat(generate("{\"env\":true}").text().lines()).contains("PATH").doesNotContain("HF_HUB_OFFLINE");
    }

    @Test
    void shouldLetTheHubBeAskedForABaseModelOnly() throws IOException {
        Path own = Files.createDirectories(scratch.resolve("own"));
        Files.writeString(own.resolve("config.json"), "{\"_name_or_path\": \"org/name\"}");
        Path adapter = Files.createDirectories(scratch.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{}");
        Path experts = Files.createDirectories(scratch.resolve("experts"));
        Files.writeString(experts.resolve("config.json"), "{\"base_model_name_or_path\": \"org/name\"}");
        LoadConfig none = LoadConfig.DEFAULT;

        assertThat(isOffline(own, none)).isTrue();
        assertThat(isOffline(adapter, none)).isFalse();
        assertThat(isOffline(experts, none)).isFalse();
        assertThat(isOffline(adapter, none.toBuilder().base(own.toString()).build()))
                .isTrue();
        assertThat(isOffline(adapter, none.toBuilder().base("org/name").build()))
                .isFalse();
    }

    private boolean isOffline(Path model, LoadConfig options) {
        adapter.close();
        adapter = new MlxSubprocessAdapter(new WorkerSettings(
                model.toString(),
                true,
                this::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                WorkerConfig.builder().model(options).sandbox(SandboxMode.OFF).build()));
        return generate("{\"env\":true}").text().contains("HF_HUB_OFFLINE");
    }

    private SubprocessAdapter mlx(String model) {
        RestartBudget budget = new RestartBudget(3, Duration.ofMinutes(5), new TestClock());
        return new MlxSubprocessAdapter(
                new WorkerSettings(model, false, this::ready, FakeWorker.SCRIPTS, budget, WorkerConfig.DEFAULT));
    }

    /** The probe is asked before each launch. */
    private Availability ready() {
        launches.incrementAndGet();
        return FakeWorker.ready();
    }

    private GenerationResult generate(String script) {
        return adapter.generate(GenerationRequest.raw(script));
    }

    private void assertGoesOn() {
        assertThat(adapter.generate("Hi").text()).isEqualTo("Hi");
        assertThat(launches).as("by the same worker").hasValue(1);
    }

    private static GenerationSink failingInto(CompletableFuture<Mlx4jException> failure) {
        return new GenerationSink() {
            @Override
            public void text(GenerationEvent.Text text) {}

            @Override
            public void thinking(GenerationEvent.Thinking thinking) {}

            @Override
            public void completed(GenerationResult result) {
                failure.completeExceptionally(new AssertionError("completed: " + result));
            }

            @Override
            public void failed(Mlx4jException error) {
                failure.complete(error);
            }
        };
    }

    private static Reply<JsonNode> replyInto(CompletableFuture<Mlx4jException> failure) {
        return new Reply<>() {
            @Override
            public void answered(JsonNode result) {
                failure.completeExceptionally(new AssertionError("answered: " + result));
            }

            @Override
            public void failed(Mlx4jException error) {
                failure.complete(error);
            }
        };
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
