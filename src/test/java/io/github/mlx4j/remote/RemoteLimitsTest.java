package io.github.mlx4j.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Tests servers that send more than they should: the request must fail, the connection must be closed, and the heap
 * must stay small.
 */
@Timeout(120)
class RemoteLimitsTest extends ServerTest {

    /** What the system and the JDK's client may have buffered beyond what was read. */
    private static final long BUFFERS = 24 << 20;

    private static final long MIB = 1 << 20;
    private static final String KIB = "x".repeat(1024);
    private static final GenerationRequest SHORT =
            GenerationRequest.chat("Hi").toBuilder().maxTokens(20).build();

    private final AtomicLong sent = new AtomicLong();

    @ParameterizedTest
    @EnumSource
    void shouldFailWhenTheTextGoesOnFarBeyondMaxTokens(Wire wire) throws Exception {
        FakeServer server = flood(wire.begin(), wire.piece(KIB));
        StringBuilder text = new StringBuilder();
        try (GenerationStream stream = adapter(wire, server).stream(SHORT)) {
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> stream.forEach(event -> text.append(((GenerationEvent.Text) event).text())))
                    .withMessageContaining("ignored maxTokens = 20: its answer has more than 3584 characters");
        }
        assertThat(text).hasSize(3 * 1024);
        assertHungUp(server, 0);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFailWhenTheThinkingGoesOnFarBeyondMaxTokens(Wire wire) throws Exception {
        FakeServer server = flood(wire.begin(), wire.thinking(KIB));
        assertTooLong(wire, server, "ignored maxTokens = 20");
        assertHungUp(server, 0);
    }

    @Test
    void shouldFailWhenTheArgumentsOfAToolCallGoOn() throws Exception {
        String call = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
                + "\"function\":{\"name\":\"f\",\"arguments\":\"" + KIB + "\"}}]}}]}\n\n";
        FakeServer server = flood("", call);
        assertTooLong(Wire.OPENAI, server, "ignored maxTokens = 20");
        assertHungUp(server, 0);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFailWhenALineHasNoEnd(Wire wire) throws Exception {
        String piece = wire.piece("x");
        FakeServer server = flood(wire.begin() + piece.substring(0, piece.indexOf("\"x\"") + 1), KIB);
        assertTooLong(wire, server, "sent an event of more than 8 MiB");
        assertHungUp(server, 8 * MIB);
    }

    @Test
    void shouldFailWhenAnEventHasNoEnd() throws Exception {
        FakeServer server = flood("", "data: \n".repeat(100));
        assertTooLong(Wire.OPENAI, server, "sent an event of more than 8 MiB");
        assertHungUp(server, 8 * MIB);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFailWhenEventsWithoutTextGoOn(Wire wire) throws Exception {
        FakeServer server = flood(wire.begin(), wire.piece(""));
        assertTooLong(wire, server, "sent an answer of more than 8 MiB");
        assertHungUp(server, 8 * MIB);
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveTheAnswerAndHangUpWhenTheServerGoesOnAfterItsEnd(Wire wire) throws Exception {
        FakeServer server = flood(wire.begin() + wire.piece("Hi") + wire.end(), wire.piece(KIB));
        assertThat(adapter(wire, server).generate(SHORT).text()).isEqualTo("Hi");
        assertHungUp(server, MIB);
    }

    @ParameterizedTest
    @EnumSource(
            value = Wire.class,
            names = {"OPENAI", "OLLAMA"})
    void shouldFailWhenVectorsHaveNoEnd(Wire wire) throws Exception {
        FakeServer server = flood("{\"embeddings\":[[1", ",1.0".repeat(1024));
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter(wire, server).embed("a"))
                .withMessageContaining("sent an answer of more than 8 MiB");
        assertHungUp(server, 9 * MIB);
    }

    @ParameterizedTest
    @EnumSource
    void shouldReadTheBeginningOfAnErrorThatHasNoEnd(Wire wire) throws Exception {
        FakeServer server = server(FakeServer.flood(500, "It fell over. ", KIB, sent));
        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> adapter(wire, server).generate(SHORT))
                .withMessageContaining("HTTP 500: It fell over.");
        assertHungUp(server, 0);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFailWhenAWebPageComesWithStatus200(Wire wire) throws IOException {
        FakeServer server = server(page());
        assertTooLong(wire, server, "answered with a web page (text/html)");
        if (wire != Wire.ANTHROPIC) {
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> adapter(wire, server).embed("a"))
                    .withMessageContaining("answered with a web page (text/html)");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "200 | {\"version\":\"0.12.0\"} | true",
                "200 | {} | false",
                "200 | no JSON | false",
                "302 | {} | false"
            })
    void shouldFindAnOllamaServerOnlyWhenItSaysItsVersion(int status, String body, boolean found) throws IOException {
        assertThat(ollama(server(FakeServer.json(status, body))).whyNoServer().isEmpty())
                .isEqualTo(found);
    }

    @Test
    void shouldFindNoOllamaServerWhenAPageOrAFloodAnswers() throws Exception {
        assertThat(ollama(server(page())).whyNoServer()).isPresent();
        FakeServer server = flood("{\"version\":\"0.12.0\"", KIB);
        assertThat(ollama(server).whyNoServer()).isPresent();
        assertThat(server.hungUp.await(60, TimeUnit.SECONDS)).isTrue();
    }

    private void assertTooLong(Wire wire, FakeServer server, String words) {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> adapter(wire, server).generate(SHORT))
                .withMessageContaining(words);
    }

    private void assertHungUp(FakeServer server, long read) throws InterruptedException {
        assertThat(server.hungUp.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(sent).hasValueLessThan(read + BUFFERS);
    }

    private static FakeServer.Answer page() {
        return exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write("<html>Log in</html>".getBytes(StandardCharsets.UTF_8));
        };
    }

    private FakeServer flood(String begin, String more) throws IOException {
        return server(FakeServer.flood(200, begin, more, sent));
    }

    private static RemoteProvider ollama(FakeServer server) {
        return new RemoteProvider(
                ProviderKind.OLLAMA,
                new RemoteConfig(
                        Map.of(ProviderKind.OLLAMA, URI.create(server.url())), Map.of(), Duration.ofSeconds(5)));
    }
}
