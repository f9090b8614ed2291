package io.github.mlx4j.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the behaviour common to all remote providers, with servers that use their APIs. */
@Timeout(60)
class RemoteAdapterTest extends ServerTest {

    private static final String KEY = "sk-secret-0123456789";
    private static final GenerationRequest HI = GenerationRequest.chat("Hi");

    @ParameterizedTest
    @EnumSource
    void shouldGiveTextThinkingUsageAndBackendWhenTheServerAnswers(Wire wire) throws IOException {
        RemoteAdapter llm = adapter(
                wire,
                server(FakeServer.stream(
                        wire.begin(), wire.thinking("Hm."), wire.piece("Grüß "), wire.piece("dich"), wire.end())));

        List<GenerationEvent> events = new ArrayList<>();
        try (GenerationStream stream = llm.stream(HI)) {
            stream.forEach(events::add);
        }

        GenerationResult result = ((GenerationEvent.Completed) events.get(events.size() - 1)).result();
        assertThat(events.subList(0, 3))
                .containsExactly(
                        new GenerationEvent.Thinking("Hm.", List.of()),
                        new GenerationEvent.Text("Grüß ", List.of()),
                        new GenerationEvent.Text("dich", List.of()));
        assertThat(result.text()).isEqualTo("Grüß dich");
        assertThat(result.thinking()).isEqualTo("Hm.");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.usage().promptTokens()).isEqualTo(11);
        assertThat(result.usage().completionTokens()).isEqualTo(7);
        assertThat(result.usage().cachedTokens()).isEqualTo(wire == Wire.OLLAMA ? 0 : 4);
        assertThat(result.backend()).isEqualTo(new Backend(wire.kind, "some-model", "remote"));
        assertThat(result.timings().firstToken()).isPositive();
        assertThat(result.tokens()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void shouldUseOneConnectionWhenRequestsFollowEachOther(Wire wire) throws IOException {
        List<Integer> ports = new ArrayList<>();
        FakeServer.Answer answer = FakeServer.stream(wire.begin(), wire.piece("Hi"), wire.end());
        RemoteAdapter llm = adapter(wire, server(exchange -> {
            ports.add(exchange.getRemoteAddress().getPort());
            answer.to(exchange);
        }));

        for (int i = 0; i < 3; i++) {
            assertThat(llm.generate(HI).text()).isEqualTo("Hi");
            sleep(100); // an answer is whole a little before its last byte
        }

        assertThat(ports).hasSize(3).containsOnly(ports.get(0));
    }

    @ParameterizedTest
    @EnumSource
    void shouldHangUpWhenCancelledBeforeTheFirstByte(Wire wire) throws Exception {
        FakeServer server = server(exchange -> {
            Thread.sleep(500); // the client is gone by then
            FakeServer.endless(Duration.ofMillis(5), wire.piece("x")).to(exchange); // fails where nobody listens
        });
        RemoteAdapter llm = adapter(wire, server);

        GenerationStream stream = llm.stream(HI);
        while (server.asked.isEmpty()) {
            sleep(10);
        }
        stream.cancel();

        assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
        assertThat(server.hungUp.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void shouldHangUpAndSayNoMoreWhenCancelledInTheMiddle(Wire wire) throws Exception {
        FakeServer server =
                server(FakeServer.endless(Duration.ofMillis(5), wire.piece("x"), wire.begin(), wire.piece("Once")));
        List<String> heard = new ArrayList<>();
        GenerationStream stream = adapter(wire, server).stream(HI);
        Iterator<GenerationEvent> events = stream.iterator();
        heard.add(((GenerationEvent.Text) events.next()).text());

        stream.cancel();

        assertThatExceptionOfType(CancelledException.class).isThrownBy(() -> {
            while (events.hasNext()) {
                events.next();
            }
        });
        assertThat(heard).containsExactly("Once");
        assertThat(server.hungUp.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void shouldHangUpWhenTheDeadlinePasses(Wire wire) throws Exception {
        FakeServer server = server(FakeServer.endless(Duration.ofMillis(5), wire.piece("x"), wire.begin()));
        GenerationRequest hurried =
                HI.toBuilder().deadline(Duration.ofMillis(300)).build();

        assertThatExceptionOfType(DeadlineExceededException.class)
                .isThrownBy(() -> adapter(wire, server).generate(hurried));
        assertThat(server.hungUp.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void shouldSayThatTheAnswerBrokeOffWhenTheConnectionDoes(Wire wire) throws IOException {
        RemoteAdapter llm = adapter(wire, server(FakeServer.broken(wire.begin(), wire.piece("Once "))));

        assertUnavailable(wire, () -> llm.generate(HI), "ended prematurely");
    }

    @ParameterizedTest
    @EnumSource
    void shouldSayThatTheAnswerBrokeOffWhenItEndsWithoutAnEnd(Wire wire) throws IOException {
        RemoteAdapter llm = adapter(wire, server(FakeServer.stream(wire.begin(), wire.piece("Once "))));

        assertUnavailable(wire, () -> llm.generate(HI), "ended prematurely.");
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveUpWhenTheServerSaysNothing(Wire wire) throws IOException {
        FakeServer server = server(FakeServer.silent());
        RemoteAdapter llm = server.adapter(wire.kind, Duration.ofSeconds(1));
        closing(llm);

        assertUnavailable(wire, () -> llm.generate(HI), "sent nothing for 1 s. What to do: ");
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveUpWhenTheServerFallsSilentInTheMiddle(Wire wire) throws IOException {
        FakeServer server = server(FakeServer.silent(wire.begin(), wire.piece("Once ")));
        RemoteAdapter llm = server.adapter(wire.kind, Duration.ofSeconds(1));
        closing(llm);

        assertUnavailable(wire, () -> llm.generate(HI), "sent nothing for 1 s");
    }

    @ParameterizedTest
    @EnumSource
    void shouldWaitWhenTheServerIsSlowButMoves(Wire wire) throws IOException {
        FakeServer server = server(exchange -> {
            String whole = wire.begin() + wire.piece("slow") + wire.end();
            int length = whole.length() / 15; // more than two seconds in all
            exchange.sendResponseHeaders(200, 0);
            for (int at = 0; at < whole.length(); at += length) {
                exchange.getResponseBody()
                        .write(whole.substring(at, Math.min(whole.length(), at + length))
                                .getBytes());
                exchange.getResponseBody().flush();
                Thread.sleep(150);
            }
        });
        RemoteAdapter llm = server.adapter(wire.kind, Duration.ofSeconds(2));
        closing(llm);

        assertThat(llm.generate(HI).text()).isEqualTo("slow");
    }

    @ParameterizedTest
    @EnumSource
    void shouldSayThatItMakesNoSenseWhenALineIsNoJson(Wire wire) throws IOException {
        String damaged = wire.piece("gap").replace("\"gap\"", "\"ga");
        RemoteAdapter llm = adapter(
                wire, server(FakeServer.stream(wire.begin(), wire.piece("a"), damaged, wire.piece("b"), wire.end())));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> llm.generate(HI))
                .withMessageContaining("sent a response that can't be parsed");
    }

    @ParameterizedTest
    @EnumSource
    void shouldNameTheServerWhenNobodyListens(Wire wire) throws IOException {
        int free;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            free = socket.getLocalPort();
        }
        RemoteConfig options = new RemoteConfig(
                Map.of(wire.kind, URI.create("http://127.0.0.1:" + free)),
                Map.of(wire.kind, new ApiKey(KEY)),
                Duration.ofSeconds(5));
        RemoteAdapter llm = new RemoteAdapter(new RemoteProvider(wire.kind, options), "some-model");
        closing(llm);

        assertUnavailable(
                wire,
                () -> llm.generate(HI),
                "Could not connect to " + wire.kind.id() + " at http://127.0.0.1:" + free);
    }

    static Stream<Arguments> statuses() {
        String openAi = "{\"error\":{\"message\":\"It is so\",\"type\":\"x\",\"code\":\"y\"}}";
        return Arrays.stream(Wire.values())
                .flatMap(wire -> Stream.of(
                        Arguments.of(
                                wire, 400, openAi, InvalidRequestException.class, "INVALID_REQUEST", "It is so (y)"),
                        Arguments.of(
                                wire, 401, openAi, ConfigurationException.class, "INVALID_CONFIGURATION", "_API_KEY"),
                        Arguments.of(
                                wire, 403, openAi, ConfigurationException.class, "INVALID_CONFIGURATION", "It is so"),
                        Arguments.of(wire, 404, openAi, ModelNotFoundException.class, "MODEL_NOT_FOUND", "some-model"),
                        Arguments.of(wire, 302, "", ConfigurationException.class, "INVALID_CONFIGURATION", "_BASE_URL"),
                        Arguments.of(
                                wire, 429, openAi, ProviderUnavailableException.class, "RATE_LIMITED", "after 7 s"),
                        Arguments.of(wire, 500, "<html>", EngineException.class, "ENGINE_FAILED", "HTTP 500: <html>"),
                        Arguments.of(wire, 529, openAi, EngineException.class, "ENGINE_FAILED", "It is so"),
                        Arguments.of(
                                wire,
                                400,
                                "{\"error\":\"prompt is too long: 9 tokens\"}",
                                ContextOverflowException.class,
                                "CONTEXT_OVERFLOW",
                                "9 tokens")));
    }

    @ParameterizedTest
    @MethodSource("statuses")
    void shouldSayWhatIsWrongWhenTheServerRefuses(
            Wire wire, int status, String body, Class<?> type, String code, String words) throws IOException {
        RemoteAdapter llm = adapter(wire, server(FakeServer.json(status, body, "Retry-After", "7")));

        assertThatThrownBy(() -> llm.generate(HI))
                .isInstanceOf(type)
                .hasMessageContaining(words)
                .hasMessageContaining("HTTP " + status)
                .satisfies(error -> assertThat(((Mlx4jException) error).code()).isEqualTo(code))
                .satisfies(error ->
                        assertThat(((Mlx4jException) error).retryable()).isEqualTo(status == 429 || status >= 500));
    }

    @Test
    void shouldSayHowToFetchTheModelWhenOllamaHasNone() throws IOException {
        RemoteAdapter llm =
                adapter(Wire.OLLAMA, server(FakeServer.json(404, "{\"error\":\"model 'some-model' not found\"}")));

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> llm.generate(HI))
                .withMessageContaining(
                        "model 'some-model' not found What to do: Run `ollama pull some-model` on that machine");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "OPENAI | event: error~data: {\"error\":{\"message\":\"It fell over\"}}~~",
                "OPENAI | data: {\"error\":{\"message\":\"It fell over\",\"code\":500}}~~",
                "OLLAMA | {\"error\":\"It fell over\"}~",
                "ANTHROPIC | event: error~data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"It fell over\"}}~~"
            })
    void shouldPassOnWhatTheServerSaysWhenItFailsInTheMiddle(Wire wire, String error) throws IOException {
        RemoteAdapter llm =
                adapter(wire, server(FakeServer.stream(wire.begin(), wire.piece("Once "), error.replace('~', '\n'))));

        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> llm.generate(HI))
                .withMessageContaining("stopped in the middle of its answer: It fell over");
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 429, 500})
    void shouldNotShowTheKeyWhenTheServerRepeatsIt(int status) throws IOException {
        String body = "{\"error\":{\"message\":\"Not with " + KEY + "\"}}";
        for (Wire wire : Wire.values()) {
            RemoteAdapter llm = adapter(wire, server(FakeServer.json(status, body)));

            assertThatThrownBy(() -> llm.generate(HI)).satisfies(RemoteAdapterTest::hasNoKey);
            assertThat(llm.toString()).doesNotContain(KEY);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldSendTheKeyWhereItBelongs(Wire wire) throws IOException {
        FakeServer server = server(FakeServer.stream(wire.begin(), wire.piece("Hi"), wire.end()));
        adapter(wire, server).generate(HI);

        assertThat(server.asked).hasSize(1);
        Map<String, String> headers = server.asked.get(0).headers();
        switch (wire) {
            case OPENAI -> assertThat(headers).containsEntry("authorization", "Bearer " + KEY);
            case ANTHROPIC -> assertThat(headers).containsEntry("x-api-key", KEY);
            case OLLAMA -> assertThat(headers.toString()).doesNotContain(KEY);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldSendNothingWhenTheRequestIsNotSupported(Wire wire) throws IOException {
        FakeServer server = server(FakeServer.stream(wire.begin(), wire.piece("Hi"), wire.end()));
        RemoteAdapter llm = adapter(wire, server);

        assertRefused(llm, GenerationRequest.tokens(1, 2), "a prompt that is not a chat");
        assertRefused(llm, GenerationRequest.raw("Once"), "a prompt that is not a chat");
        assertRefused(llm, with().logitBias(Map.of(1, 2.0)).logProbs(0).build(), "logitBias, logProbs");
        assertRefused(llm, with().cacheSalt("tenant 7").build(), "cacheSalt");
        assertRefused(
                llm,
                with().responseFormat(ResponseFormat.regex("a")).build(),
                "a regular expression as response format");
        assertRefused(llm, with().responseFormat(ResponseFormat.choice("a")).build(), "a choice as response format");
        assertInvalid(llm, with().maxTokens(0).build(), "maxTokens is 0, but must be from 1 to 2147483647.");
        assertInvalid(llm, with().temperature(-1).build(), "temperature is -1.0, but must be from 0 to 100.");
        assertInvalid(llm, with().topP(0).build(), "topP is 0.0, but must be above 0 to 1.");
        assertInvalid(llm, with().temperature(Double.NaN).build(), "temperature is NaN");
        assertInvalid(llm, with().stop("").build(), "stop must be");
        assertInvalid(
                llm,
                with().stop("a").responseFormat(ResponseFormat.json()).build(),
                "stop can't be combined with responseFormat.");
        assertInvalid(
                llm, with().responseFormat(ResponseFormat.jsonSchema("[]")).build(), "schema must be a JSON object");
        assertInvalid(llm, GenerationRequest.chat(List.of()), "no messages");
        assertInvalid(llm, GenerationRequest.chat(" "), "messages[0].content is empty");
        assertThat(server.asked).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
            value = Wire.class,
            names = {"OPENAI", "OLLAMA"})
    void shouldFailWhenJsonWasAskedForAndTextCame(Wire wire) throws IOException {
        RemoteAdapter llm =
                adapter(wire, server(FakeServer.stream(wire.piece("Sure! "), wire.piece("{}"), wire.end())));

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> llm.generate(
                        with().responseFormat(ResponseFormat.json()).build()))
                .withMessageContaining("does not enforce response formats");
        RemoteAdapter silent = adapter(wire, server(FakeServer.stream(wire.end())));
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> silent.generate(
                        with().responseFormat(ResponseFormat.json()).build()));
    }

    @ParameterizedTest
    @EnumSource
    void shouldEndWhatRunsWhenClosed(Wire wire) throws Exception {
        FakeServer server = server(FakeServer.endless(Duration.ofMillis(5), wire.piece("x"), wire.begin()));
        RemoteAdapter llm = adapter(wire, server);
        GenerationStream stream = llm.stream(HI);
        stream.iterator().next();

        llm.close();
        llm.close();

        assertThatExceptionOfType(ClosedException.class).isThrownBy(stream::result);
        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> llm.generate(HI));
        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> llm.embed("Hi"));
        assertThat(server.hungUp.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void shouldEndACallForVectorsWhenClosed() throws Exception {
        FakeServer server = server(FakeServer.silent("{"));
        RemoteAdapter vectors = adapter(Wire.OPENAI, server);
        CompletableFuture<List<float[]>> call = CompletableFuture.supplyAsync(() -> vectors.embed(List.of("a")));
        while (server.asked.isEmpty()) {
            sleep(10);
        }

        vectors.close();

        assertThatThrownBy(() -> call.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(ClosedException.class);
    }

    @Test
    void shouldNameTheSettingWhenTheKeyIsMissing() {
        for (ProviderKind kind : List.of(ProviderKind.OPENAI, ProviderKind.ANTHROPIC)) {
            RemoteAdapter llm = new RemoteAdapter(new RemoteProvider(kind, RemoteConfig.DEFAULT), "some-model");

            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(() -> llm.generate(HI))
                    .withMessageContaining("Set " + kind.name() + "_API_KEY")
                    .satisfies(error -> assertThat(error.code()).isEqualTo("MISSING_API_KEY"));
        }
    }

    @Test
    void shouldNeedNoKeyWhenTheServerIsNotOpenAis() throws IOException {
        FakeServer server = server(FakeServer.stream(Wire.OPENAI.piece("Hi"), Wire.OPENAI.end()));
        RemoteConfig options = new RemoteConfig(
                Map.of(ProviderKind.OPENAI, URI.create(server.url())), Map.of(), Duration.ofSeconds(5));
        RemoteAdapter llm = new RemoteAdapter(new RemoteProvider(ProviderKind.OPENAI, options), "some-model");
        closing(llm);

        assertThat(llm.generate(HI).text()).isEqualTo("Hi");
        assertThat(server.asked.get(0).headers()).doesNotContainKey("authorization");
    }

    @Test
    void shouldMakeVectorsInOrderWhenTheProviderCan() throws IOException {
        RemoteAdapter openAi = adapter(
                Wire.OPENAI,
                server(FakeServer.json(
                        200,
                        "{\"model\":\"m\",\"data\":[{\"index\":0,\"embedding\":[1.0,0.5]},{\"index\":1,\"embedding\":[0.0,2.0]}],"
                                + "\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}")));
        RemoteAdapter ollama = adapter(
                Wire.OLLAMA, server(FakeServer.json(200, "{\"model\":\"m\",\"embeddings\":[[1.0,0.5],[0.0,2.0]]}")));

        for (RemoteAdapter vectors : List.of(openAi, ollama)) {
            assertThat(vectors.embed(List.of("a", "b")))
                    .containsExactly(new float[] {1.0f, 0.5f}, new float[] {0.0f, 2.0f});
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> vectors.embed("only one"))
                    .withMessageContaining("returned 2 vectors for 1 texts");
            assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(() -> vectors.embed(List.of()));
        }
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() ->
                        adapter(Wire.ANTHROPIC, server(FakeServer.silent())).embed("a"))
                .withMessageContaining("anthropic does not support embeddings");
    }

    @ParameterizedTest
    @EnumSource(
            value = Wire.class,
            names = {"OPENAI", "OLLAMA"})
    void shouldSayWhatIsWrongWhenVectorsFail(Wire wire) throws Exception {
        FakeServer busy = server(FakeServer.json(429, "{}"));
        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(() -> adapter(wire, busy).embed("a"))
                .satisfies(error -> assertThat(error.code()).isEqualTo("RATE_LIMITED"));
        assertThat(busy.asked).as("nothing is sent again").hasSize(1);

        RemoteAdapter slow = server(FakeServer.silent("{\"data")).adapter(wire.kind, Duration.ofMillis(500));
        closing(slow);
        assertUnavailable(wire, () -> slow.embed("a"), "sent nothing");
        assertUnavailable(
                wire, () -> adapter(wire, server(FakeServer.broken("{"))).embed("a"), "ended prematurely");
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() ->
                        adapter(wire, server(FakeServer.json(200, "<html>"))).embed("a"));

        RemoteAdapter silent = adapter(wire, server(FakeServer.silent()));
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(CancelledException.class).isThrownBy(() -> silent.embed("a"));
        assertThat(Thread.interrupted()).isTrue();
    }

    private static GenerationRequest.Builder with() {
        return GenerationRequest.builder().prompt(new Prompt.Chat(((Prompt.Chat) HI.prompt()).messages()));
    }

    private static void assertRefused(RemoteAdapter llm, GenerationRequest request, String words) {
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> llm.generate(request))
                .withMessageContaining("does not support")
                .withMessageContaining(words);
    }

    private static void assertInvalid(RemoteAdapter llm, GenerationRequest request, String words) {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> llm.generate(request))
                .withMessageContaining(words);
    }

    private static void assertUnavailable(Wire wire, ThrowingCallable call, String words) {
        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(call)
                .withMessageContaining(words)
                .satisfies(error -> assertThat(error.code()).isEqualTo(wire.kind.name() + "_NOT_AVAILABLE"))
                .satisfies(error -> assertThat(error.retryable()).isTrue())
                .satisfies(RemoteAdapterTest::hasNoKey);
    }

    private static void hasNoKey(Throwable error) {
        for (Throwable one = error; one != null; one = one.getCause()) {
            assertThat(one.toString()).doesNotContain(KEY);
        }
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }
}
