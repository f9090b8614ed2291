package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An Ollama server that is already running. Its model has another format, so its answers are not compared. */
final class OllamaArm extends HttpArm {

    static final String NAME = "Ollama";
    static final URI DEFAULT = URI.create("http://127.0.0.1:11434");

    private final String model;

    OllamaArm(URI server, @Nullable String model) throws IOException, InterruptedException {
        super(server);
        try {
            HttpRequest version = HttpRequest.newBuilder(server.resolve("/api/version"))
                    .timeout(Duration.ofSeconds(2))
                    .build();
            client.send(version, HttpResponse.BodyHandlers.discarding());
        } catch (IOException error) {
            throw new IOException("no server answers on " + server, error);
        }
        if (model == null) {
            throw new IOException("a server answers, but --ollama-model names no model");
        }
        this.model = model;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean sameModel() {
        return false;
    }

    @Override
    Map.Entry<String, Map<String, ?>> call(Request request) {
        Map<String, ?> options = Map.of("num_predict", request.maxTokens(), "temperature", 0);
        return Map.entry(
                "/api/generate", Map.of("model", model, "prompt", request.prompt(), "raw", true, "options", options));
    }

    @Override
    void line(String line, Recording recording) throws IOException {
        JsonNode message = json(line);
        recording.piece(message.path("response").asText(), List.of());
        if (message.path("done").asBoolean()) {
            recording.count(message.path("eval_count").asInt());
        }
    }

    @Override
    public void close() {
        // the server was running before, and keeps running
    }
}
