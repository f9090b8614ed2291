package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HttpArmTest {

    private HttpServer server;
    private URI uri;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/api/version", exchange -> answer(exchange, 200, "{}"));
        server.start();
        uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void shouldGatherPiecesAndTheCountWhenOllamaAnswers() throws Exception {
        server.createContext("/api/generate", exchange -> answer(exchange, 200, """
                        {"response": "Hel", "done": false}
                        {"response": "lo", "done": false}
                        {"response": "", "done": true, "eval_count": 3}
                        """));

        Answer answer = ask();

        assertThat(answer.isWhole()).isTrue();
        assertThat(answer.text()).isEqualTo("Hello");
        assertThat(answer.count()).isEqualTo(3);
        assertThat(answer.arrivals()).hasSize(2);
    }

    @Test
    void shouldBeLostWhenTheConnectionBreaks() throws Exception {
        server.createContext("/api/generate", HttpExchange::close);

        assertThat(ask().isWhole()).isFalse();
    }

    @Test
    void shouldBeLostWhenTheAnswerBreaksOff() throws Exception {
        server.createContext("/api/generate", exchange -> answer(exchange, 200, "{\"response\": \"Hel\"}\n"));

        assertThat(ask().isWhole()).isFalse();
        assertThat(ask().lost()).contains("broke off");
    }

    @Test
    void shouldBeLostWhenTheServerRefuses() throws Exception {
        server.createContext("/api/generate", exchange -> answer(exchange, 503, "busy"));

        assertThat(ask().lost()).contains("503", "busy");
    }

    @Test
    void shouldSayWhatIsMissingWhenThereIsNoOllamaOrNoModel() {
        assertThatThrownBy(() -> new OllamaArm(uri, null)).hasMessageContaining("--ollama-model");
        server.stop(0);
        assertThatThrownBy(() -> new OllamaArm(uri, "any")).hasMessageContaining("no server answers");
    }

    private Answer ask() throws IOException, InterruptedException {
        return new OllamaArm(uri, "any").ask(List.of("Hi"), 8).answers().get(0);
    }

    private static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
