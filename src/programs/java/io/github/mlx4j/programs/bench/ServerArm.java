package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.it.LocalServer;
import io.github.mlx4j.it.MlxServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A server of OpenAI's completions API, by default mlx_lm.server, streamed with java.net.http. */
final class ServerArm extends HttpArm {

    static final String NAME = "mlx_lm.server + java.net.http";
    private static final String DATA = "data: ";

    private final String name;
    private final LocalServer process;

    ServerArm(Path python, String model, Path log) throws IOException, InterruptedException {
        this(NAME, new MlxServer(python, model, log));
    }

    ServerArm(String name, LocalServer process) {
        super(process.uri);
        this.name = name;
        this.process = process;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    Map.Entry<String, Map<String, ?>> request(String prompt, int maxTokens) {
        return Map.entry(
                "/v1/completions",
                Map.of(
                        "prompt",
                        prompt,
                        "max_tokens",
                        maxTokens,
                        "temperature",
                        0,
                        "stream",
                        true,
                        "stream_options",
                        Map.of("include_usage", true)));
    }

    @Override
    void line(String line, Recording recording) throws IOException {
        if (!line.startsWith(DATA) || line.equals(DATA + "[DONE]")) {
            return;
        }
        JsonNode message = json(line.substring(DATA.length()));
        message.path("choices")
                .forEach(choice -> recording.piece(choice.path("text").asText(), List.of()));
        if (message.has("usage")) {
            recording.count(message.get("usage").get("completion_tokens").asInt());
        }
    }

    @Override
    public void close() {
        process.close();
    }
}
