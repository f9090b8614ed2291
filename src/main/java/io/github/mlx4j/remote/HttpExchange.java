package io.github.mlx4j.remote;

import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEvent;
import dev.langchain4j.http.client.sse.ServerSentEventContext;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.threads.Timer;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP client that LangChain4j uses for one request. Unlike LangChain4j's own client, it can be aborted at any
 * time, even before the first byte. It also times out when the server is silent, limits the size of a response, and
 * fails when a response is truncated or invalid.
 */
final class HttpExchange implements HttpClient, HttpClientBuilder {

    /** The maximum size of one event, and of one line, of a streamed response. */
    static final long MAX_EVENT_BYTES = 8 << 20;

    /** The data of the event that ends a response in OpenAI's API. */
    private static final String LAST_EVENT = "[DONE]";

    private static final int MAX_ERROR_BYTES = 64 * 1024;

    /** How many bytes may follow the end of a response; if there are more, the connection is closed. */
    private static final long MAX_BYTES_AFTER_END = 64 * 1024;

    /** Approximate heap overhead of an event, which LangChain4j keeps until the end of the response. */
    private static final long EVENT_OVERHEAD = 256;

    private final Connection connection;
    private final long maxBytes;
    private final Consumer<Mlx4jException> failed;
    private volatile long moved;
    private boolean known; // whether the outcome is known
    private boolean released;
    private @Nullable CompletableFuture<?> sending;
    private @Nullable InputStream body;
    private Future<?> timer = CompletableFuture.completedFuture(null);

    /** Creates an exchange; {@code maxBytes} is the maximum size of the response body. */
    HttpExchange(Connection connection, long maxBytes, Consumer<Mlx4jException> failed) {
        this.connection = connection;
        this.maxBytes = maxBytes;
        this.failed = failed;
    }

    @Override
    public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
        send(request, MAX_EVENT_BYTES)
                .thenAcceptAsync(
                        stream -> {
                            parser.parse(stream, new Strict(stream, listener));
                            if (!isKnown()) {
                                listener.onClose();
                                fail(connection.faults.brokenOff("")); // has no effect if the response is complete
                            }
                            release();
                        },
                        connection.threads)
                .exceptionally(failure -> {
                    fail(connection.faults.of(failure));
                    return null;
                });
    }

    @Override
    public SuccessfulHttpResponse execute(HttpRequest request) {
        CompletableFuture<String> whole = send(request, Long.MAX_VALUE).thenApplyAsync(this::text, connection.threads);
        try {
            return SuccessfulHttpResponse.builder()
                    .statusCode(200)
                    .body(whole.get())
                    .build();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw refused(new CancelledException("The thread that waited for the answer was interrupted.", ""));
        } catch (ExecutionException failure) {
            throw refused(connection.faults.of(failure));
        }
    }

    /** Aborts the request, and reports the cause unless the outcome is already known. */
    void fail(Mlx4jException why) {
        boolean first;
        synchronized (this) {
            first = !known;
            known = true;
        }
        if (first) {
            failed.accept(why); // before the body appears to have reached its end
        }
        release();
    }

    /**
     * Notes that the response is complete. A short remainder of the body is read and discarded, so that the connection
     * can be reused.
     */
    synchronized void succeed() {
        known = true;
    }

    /** Ends the request: nothing more is sent or read. */
    void release() {
        CompletableFuture<?> sending;
        InputStream body;
        synchronized (this) {
            released = true;
            sending = this.sending;
            body = this.body;
            timer.cancel(false);
        }
        connection.ended(this);
        if (body != null) {
            close(body);
        }
        if (sending != null) {
            sending.cancel(true); // closes the connection if there is no body yet
        }
    }

    private Mlx4jException refused(Mlx4jException why) {
        fail(why);
        return why;
    }

    private synchronized boolean isKnown() {
        return known;
    }

    /** Sends the request and returns the response body if the status is 2xx. */
    private CompletableFuture<Body> send(HttpRequest request, long maxEventBytes) {
        java.net.http.HttpRequest.Builder http = java.net.http.HttpRequest.newBuilder(URI.create(request.url()))
                .method(request.method().name(), BodyPublishers.ofString(request.body()));
        request.headers().forEach((name, values) -> values.forEach(value -> http.header(name, value)));
        CompletableFuture<HttpResponse<InputStream>> answer;
        synchronized (this) {
            if (released) {
                return CompletableFuture.failedFuture(
                        new IOException("released")); // the failure has been reported already
            }
            moved = System.nanoTime();
            body = null;
            answer = connection.client.sendAsync(http.build(), BodyHandlers.ofInputStream());
            sending = answer;
            watch(connection.patience);
        }
        return answer.thenApplyAsync(response -> body(response, maxEventBytes), connection.threads);
    }

    private Body body(HttpResponse<InputStream> response, long maxEventBytes) {
        Body stream = new Body(response.body(), maxEventBytes);
        boolean late;
        synchronized (this) {
            body = stream;
            late = released;
        }
        if (late) {
            close(stream);
        }
        if (response.statusCode() / 100 == 2) {
            String type = response.headers().firstValue("content-type").orElse("");
            if (type.toLowerCase(Locale.ROOT).startsWith("text/html")) {
                throw connection.faults.webPage();
            }
            return stream;
        }
        String said;
        try (stream) {
            said = new String(stream.readNBytes(MAX_ERROR_BYTES), StandardCharsets.UTF_8);
        } catch (IOException unread) {
            said = "";
        }
        throw connection.faults.ofStatus(
                response.statusCode(),
                said,
                response.headers()
                        .firstValue("retry-after")
                        .filter(after -> after.matches("\\d+"))
                        .orElse(null));
    }

    /** Schedules a check whether the server has sent anything since. */
    private synchronized void watch(Duration after) {
        timer.cancel(false);
        if (!released) {
            timer = Timer.after(after, "mlx4j-remote-timer", this::look);
        }
    }

    private void look() {
        Duration left = connection.patience.minusNanos(System.nanoTime() - moved);
        if (left.isNegative() || left.isZero()) {
            fail(connection.faults.silent());
        } else {
            watch(left);
        }
    }

    private String text(InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw connection.faults.brokenOff(String.valueOf(broken.getMessage()));
        }
    }

    private static void close(InputStream stream) {
        try {
            stream.close();
        } catch (IOException closed) {
            // the stream is no longer needed
        }
    }

    @Override
    public @Nullable Duration connectTimeout() {
        return null;
    }

    @Override
    public HttpClientBuilder connectTimeout(Duration timeout) {
        return this; // the connection has its own timeout
    }

    @Override
    public @Nullable Duration readTimeout() {
        return null;
    }

    @Override
    public HttpClientBuilder readTimeout(Duration timeout) {
        return this;
    }

    @Override
    public HttpClient build() {
        return this;
    }

    /** Records when bytes arrive, and aborts the request when there are too many. */
    private final class Body extends FilterInputStream {

        private final long maxEventBytes;
        private long total;
        private long ofEvent;
        private long afterEnd;

        Body(InputStream stream, long maxEventBytes) {
            super(stream);
            this.maxEventBytes = maxEventBytes;
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            arrived(value < 0 ? 0 : 1);
            return value;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int count = super.read(into, offset, length);
            arrived(Math.max(count, 0));
            return count;
        }

        /** Notes that an event is complete, and starts to count the bytes of the next one. */
        void eventEnded() {
            ofEvent = 0;
            total += EVENT_OVERHEAD;
        }

        private void arrived(int count) throws IOException {
            total += count;
            ofEvent += count;
            if (isKnown()) {
                afterEnd += count;
            } else {
                moved = System.nanoTime();
            }
            if (afterEnd > MAX_BYTES_AFTER_END) {
                throw new IOException("more after the end");
            }
            boolean event = ofEvent > maxEventBytes;
            if (event || total > maxBytes) {
                fail(connection.faults.tooLarge(event ? "event" : "answer", event ? maxEventBytes : maxBytes));
                throw new IOException("too large");
            }
        }
    }

    /**
     * Ignores events after the end, and fails the request if an event can't be processed: LangChain4j would log the
     * error and continue with a gap.
     */
    private final class Strict implements ServerSentEventListener {

        private final Body body;
        private final ServerSentEventListener listener;

        Strict(Body body, ServerSentEventListener listener) {
            this.body = body;
            this.listener = listener;
        }

        @Override
        public void onEvent(ServerSentEvent event, ServerSentEventContext context) {
            body.eventEnded();
            if (isKnown()) {
                return;
            }
            try {
                listener.onEvent(event, context);
                if (LAST_EVENT.equals(event.data().strip())) {
                    listener.onClose(); // LangChain4j itself would wait for the end of the body
                }
            } catch (RuntimeException | LinkageError senseless) {
                fail(connection.faults.of(senseless));
            }
        }

        @Override
        public void onError(Throwable error) {
            fail(connection.faults.brokenOff(String.valueOf(error.getMessage())));
        }
    }
}
