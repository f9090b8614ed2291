package io.github.mlx4j.remote;

import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.threads.Daemons;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** A connection to one server, with its open requests. Its threads end when they are idle. */
final class Connection {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    final ServerFaults faults;
    final Executor threads = Executors.newCachedThreadPool(work -> Daemons.thread("mlx4j-remote", work));
    final HttpClient client;
    final Duration patience;
    private final Set<HttpExchange> open = ConcurrentHashMap.newKeySet();
    private boolean closed;

    Connection(RemoteProvider provider, ServerFaults faults) {
        this.faults = faults;
        this.patience = provider.options().timeout();
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1) // some local servers hang on the upgrade to HTTP/2
                .connectTimeout(patience.compareTo(CONNECT_TIMEOUT) < 0 ? patience : CONNECT_TIMEOUT)
                .executor(threads)
                .build();
    }

    /**
     * Opens the exchange for one request.
     *
     * @param maxBytes the maximum size of the response body
     * @param failed called once, with the cause, if the request fails
     */
    synchronized HttpExchange open(long maxBytes, Consumer<Mlx4jException> failed) {
        if (closed) {
            throw closed();
        }
        HttpExchange exchange = new HttpExchange(this, maxBytes, failed);
        open.add(exchange);
        return exchange;
    }

    void ended(HttpExchange exchange) {
        open.remove(exchange);
    }

    void close() {
        List<HttpExchange> running;
        synchronized (this) {
            closed = true;
            running = List.copyOf(open);
        }
        running.forEach(exchange -> exchange.fail(closed()));
    }

    private ClosedException closed() {
        return new ClosedException("The connection to " + faults.server() + " was closed.", "");
    }
}
