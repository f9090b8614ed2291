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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP client that LangChain4j is given for one request. Unlike LangChain4j's own it can be ended at any time,
 * before the first byte too, gives a server up that is silent, and sees where an answer breaks off or makes no sense.
 */
final class Exchange implements HttpClient, HttpClientBuilder {

    private static final int MOST_OF_AN_ERROR = 64 * 1024;

    private final Connection connection;
    private final Consumer<Mlx4jException> failed;
    private volatile long moved;
    private boolean known; // how it went
    private boolean released;
    private @Nullable CompletableFuture<?> sending;
    private @Nullable InputStream body;
    private Future<?> timer = CompletableFuture.completedFuture(null);

    Exchange(Connection connection, Consumer<Mlx4jException> failed) {
        this.connection = connection;
        this.failed = failed;
    }

    @Override
    public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
        send(request)
                .thenAcceptAsync(
                        stream -> {
                            parser.parse(stream, new Strict(listener));
                            if (!isKnown()) {
                                listener.onClose();
                                fail(connection.faults.brokenOff("")); // of no effect where the answer is whole
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
        CompletableFuture<String> whole = send(request).thenApplyAsync(this::text, connection.threads);
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

    /** Ends it, and tells why if it was not known how it went. */
    void fail(Mlx4jException why) {
        boolean first;
        synchronized (this) {
            first = !known;
            known = true;
        }
        if (first) {
            failed.accept(why); // before the body looks as if it had come to its end
        }
        release();
    }

    /**
     * Takes note that the answer is whole. What may still come is read and dropped, so that the connection can stay.
     */
    synchronized void succeed() {
        known = true;
    }

    /** Ends it: nothing is sent or read any more. */
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
            sending.cancel(true); // ends the connection, if there is no body yet
        }
    }

    private Mlx4jException refused(Mlx4jException why) {
        fail(why);
        return why;
    }

    private synchronized boolean isKnown() {
        return known;
    }

    /** The body of the answer, if it is one of success. */
    private CompletableFuture<InputStream> send(HttpRequest request) {
        java.net.http.HttpRequest.Builder http = java.net.http.HttpRequest.newBuilder(URI.create(request.url()))
                .method(request.method().name(), BodyPublishers.ofString(request.body()));
        request.headers().forEach((name, values) -> values.forEach(value -> http.header(name, value)));
        CompletableFuture<HttpResponse<InputStream>> answer;
        synchronized (this) {
            if (released) {
                return CompletableFuture.failedFuture(new IOException("released")); // whoever did has told why
            }
            moved = System.nanoTime();
            body = null;
            answer = connection.client.sendAsync(http.build(), BodyHandlers.ofInputStream());
            sending = answer;
            watch(connection.patience);
        }
        return answer.thenApplyAsync(this::body, connection.threads);
    }

    private InputStream body(HttpResponse<InputStream> response) {
        InputStream stream = new Moving(response.body());
        boolean late;
        synchronized (this) {
            body = stream;
            late = released;
        }
        if (late) {
            close(stream);
        }
        if (response.statusCode() / 100 == 2) {
            return stream;
        }
        String said;
        try (stream) {
            said = new String(stream.readNBytes(MOST_OF_AN_ERROR), StandardCharsets.UTF_8);
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

    /** Looks after a while whether the server has moved since. */
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
            // it is of no use any more
        }
    }

    @Override
    public @Nullable Duration connectTimeout() {
        return null;
    }

    @Override
    public HttpClientBuilder connectTimeout(Duration timeout) {
        return this; // the connection has its own
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

    /** Notes when something came. */
    private final class Moving extends FilterInputStream {

        Moving(InputStream stream) {
            super(stream);
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            moved = System.nanoTime();
            return value;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int count = super.read(into, offset, length);
            moved = System.nanoTime();
            return count;
        }
    }

    /** Lets no event pass after the end, and none fail unseen: LangChain4j would log it and go on with a gap. */
    private final class Strict implements ServerSentEventListener {

        private final ServerSentEventListener listener;

        Strict(ServerSentEventListener listener) {
            this.listener = listener;
        }

        @Override
        public void onEvent(ServerSentEvent event, ServerSentEventContext context) {
            if (isKnown()) {
                return;
            }
            try {
                listener.onEvent(event, context);
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
