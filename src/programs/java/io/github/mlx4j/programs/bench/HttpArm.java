package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** A local server whose answers are streamed with java.net.http. If its connection breaks, the answer is lost. */
abstract class HttpArm implements Arm {

    static final JsonMapper JSON = new JsonMapper();

    final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    final URI server;

    HttpArm(URI server) {
        this.server = server;
    }

    @Override
    public Round ask(List<Request> requests) {
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>) () -> ask(request))
                .toList());
    }

    /** Returns the path and the body of a request. */
    abstract Map.Entry<String, Map<String, ?>> call(Request request);

    /** Handles a line of the answer. */
    abstract void line(String line, Recording recording) throws IOException;

    private Answer ask(Request request) throws InterruptedException {
        Recording recording = new Recording();
        try {
            Map.Entry<String, Map<String, ?>> call = call(request);
            HttpRequest post = HttpRequest.newBuilder(server.resolve(call.getKey()))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(call.getValue())))
                    .build();
            HttpResponse<Stream<String>> response = client.send(post, HttpResponse.BodyHandlers.ofLines());
            try (Stream<String> lines = response.body()) {
                if (response.statusCode() != 200) {
                    throw new IOException(response.statusCode() + " " + lines.toList());
                }
                for (String line : (Iterable<String>) lines::iterator) {
                    line(line, recording);
                }
            }
            if (!recording.isCounted()) { // without a length, a broken connection looks like the end
                throw new IOException("the answer broke off");
            }
            return recording.answer();
        } catch (IOException | UncheckedIOException broken) {
            return recording.lost(broken);
        }
    }

    static JsonNode json(String text) throws IOException {
        return JSON.readTree(text);
    }
}
