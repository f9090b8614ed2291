package io.github.mlx4j.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** Runs an HTTP server with a {@code /health} endpoint on a free local port, until it is closed. */
public class LocalServer implements AutoCloseable {

    private static final long PATIENCE_S = 180; // a hub model may have to be read from a slow disk

    public final URI uri;
    private final String name;
    private final Process process;

    /** Starts the command for a port and waits until the server is ready. */
    public LocalServer(String name, IntFunction<List<String>> command, Path log)
            throws IOException, InterruptedException {
        this.name = name;
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        uri = URI.create("http://127.0.0.1:" + port);
        process = new ProcessBuilder(command.apply(port))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly)); // it would outlive a Ctrl-C
        awaitHealth(log);
    }

    private void awaitHealth(Path log) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest health = HttpRequest.newBuilder(uri.resolve("/health")).build();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (System.nanoTime() - end < 0) {
            if (!process.isAlive()) {
                throw new IOException(name + " ended with " + process.exitValue() + "; " + log + " says why");
            }
            try {
                if (client.send(health, HttpResponse.BodyHandlers.discarding()).statusCode() == 200) {
                    return;
                }
            } catch (IOException notYet) {
                // it does not listen yet
            }
            Thread.sleep(100);
        }
        process.destroyForcibly();
        throw new IOException(name + " was not ready after " + PATIENCE_S + " s; see " + log);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
