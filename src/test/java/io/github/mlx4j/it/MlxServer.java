package io.github.mlx4j.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs mlx_lm.server with its default settings, on a free local port. */
public final class MlxServer implements AutoCloseable {

    private static final long PATIENCE_S = 180; // a hub model may have to be read from a slow disk

    public final URI uri;
    private final Process process;

    public MlxServer(Path python, String model, Path log, String... more) throws IOException, InterruptedException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        uri = URI.create("http://127.0.0.1:" + port);
        List<String> command = new ArrayList<>(List.of(python.toString(), "-I", "-m", "mlx_lm", "server"));
        command.addAll(List.of("--model", model, "--port", Integer.toString(port), "--log-level", "ERROR"));
        command.addAll(List.of(more));
        process = new ProcessBuilder(command)
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
                throw new IOException("mlx_lm.server ended with " + process.exitValue() + "; " + log + " says why");
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
        close();
        throw new IOException("mlx_lm.server was not ready after " + PATIENCE_S + " s; see " + log);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
