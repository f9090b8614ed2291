package io.github.mlx4j.remote;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A real local HTTP server that answers every request as the test specifies. */
public final class FakeServer implements AutoCloseable {

    private static final JsonMapper JSON = new JsonMapper();

    /** Requests, in order. */
    final List<Asked> asked = new CopyOnWriteArrayList<>();

    /** Is zero as soon as a client has hung up on an answer. */
    final CountDownLatch hungUp = new CountDownLatch(1);

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "fake-server");
        thread.setDaemon(true);
        return thread;
    });

    record Asked(String line, Map<String, String> headers, JsonNode body) {}

    /** The answer to a request. */
    interface Answer {
        void to(HttpExchange exchange) throws IOException, InterruptedException;
    }

    FakeServer(Answer answer) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try {
                note(exchange);
                answer.to(exchange);
                exchange.close();
            } catch (IOException gone) {
                hungUp.countDown();
                throw gone; // the server cuts the connection then
            } catch (InterruptedException ending) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }

    /** One that answers as an Ollama server of this version does, and with this text to every chat. */
    public static FakeServer ollama(String text) throws IOException {
        return new FakeServer(exchange -> {
            if (exchange.getRequestURI().getPath().equals("/api/version")) {
                json(200, "{\"version\":\"0.12.0\"}").to(exchange);
            } else {
                stream(Wire.OLLAMA.piece(text), Wire.OLLAMA.end()).to(exchange);
            }
        });
    }

    static Answer json(int status, String body, String... headers) {
        return exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        };
    }

    /** Sends these parts, and ends the answer as it should be. */
    static Answer stream(String... parts) {
        return exchange -> {
            begin(exchange);
            for (String part : parts) {
                send(exchange, part);
            }
            exchange.getResponseBody().close();
        };
    }

    /** Sends these parts, and then cuts the connection. */
    static Answer broken(String... parts) {
        return exchange -> {
            begin(exchange);
            for (String part : parts) {
                send(exchange, part);
            }
            throw new IOException("cut"); // the answer is chunked, and has no last chunk
        };
    }

    /** Sends these parts, and then one more again and again, until the client hangs up. */
    static Answer endless(Duration pause, String more, String... parts) {
        return exchange -> {
            begin(exchange);
            for (String part : parts) {
                send(exchange, part);
            }
            while (true) {
                send(exchange, more);
                Thread.sleep(pause.toMillis());
            }
        };
    }

    /** Sends these parts, and then nothing, for longer than any test waits. */
    static Answer silent(String... parts) {
        return exchange -> {
            if (parts.length > 0) {
                begin(exchange);
            }
            for (String part : parts) {
                send(exchange, part);
            }
            TimeUnit.MINUTES.sleep(2);
        };
    }

    /** Its base URL. */
    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** The body of the only request. */
    JsonNode body() {
        return asked.get(0).body();
    }

    RemoteAdapter adapter(ProviderKind kind) {
        return adapter(kind, Duration.ofSeconds(20));
    }

    RemoteAdapter adapter(ProviderKind kind, Duration timeout) {
        RemoteConfig options = new RemoteConfig(
                Map.of(kind, URI.create(url())), Map.of(kind, new ApiKey("sk-secret-0123456789")), timeout);
        return new RemoteAdapter(new RemoteProvider(kind, options), "some-model");
    }

    private void note(HttpExchange exchange) {
        try {
            Map<String, String> headers = new HashMap<>();
            exchange.getRequestHeaders()
                    .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), values.get(0)));
            byte[] body = exchange.getRequestBody().readAllBytes();
            asked.add(new Asked(
                    exchange.getRequestMethod() + " " + exchange.getRequestURI(), headers, JSON.readTree(body)));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /**
     * Sends this status and this part again and again, without a pause, until the client hangs up; counts the bytes.
     */
    static Answer flood(int status, String begin, String more, AtomicLong sent) {
        return exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(status, 0);
            send(exchange, begin);
            while (true) {
                send(exchange, more);
                sent.addAndGet(more.length());
            }
        };
    }

    private static void begin(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
    }

    private static void send(HttpExchange exchange, String part) throws IOException {
        exchange.getResponseBody().write(part.getBytes(StandardCharsets.UTF_8));
        exchange.getResponseBody().flush();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
