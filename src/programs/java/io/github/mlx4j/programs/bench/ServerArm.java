package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.it.LocalServer;
import io.github.mlx4j.it.MlxServer;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A server of OpenAI's completions API, by default mlx_lm.server, streamed with java.net.http. */
final class ServerArm extends HttpArm {

    static final String NAME = Baseline.of(ProviderKind.MLX).server();
    private static final String DATA = "data: ";

    private final String name;
    private final boolean samples;
    private final LocalServer process;

    ServerArm(Path python, String model, Path log) throws IOException, InterruptedException {
        this(NAME, true, new MlxServer(python, model, log));
    }

    ServerArm(String name, boolean samples, LocalServer process) {
        super(process.uri);
        this.name = name;
        this.samples = samples;
        this.process = process;
    }

    @Override
    public String name() {
        return name;
    }

    /** Returns whether the arm can serve the callers; transformers serve is only asked for greedy answers. */
    @Override
    public boolean serves(int callers, Sampling sampling) {
        return samples || sampling.isGreedy();
    }

    @Override
    Map.Entry<String, Map<String, ?>> call(Request request) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("prompt", request.prompt());
        body.put("max_tokens", request.maxTokens());
        body.put("stream", true);
        body.put("stream_options", Map.of("include_usage", true));
        body.put("temperature", request.sampling().temperature());
        if (!request.sampling().isGreedy()) {
            body.put("top_p", request.sampling().topP());
            body.put("top_k", request.sampling().topK());
        }
        return Map.entry("/v1/completions", body);
    }

    @Override
    void line(String line, Recording recording) throws IOException {
        if (!line.startsWith(DATA) || line.equals(DATA + "[DONE]")) {
            return;
        }
        JsonNode message = json(line.substring(DATA.length()));
        message.path("choices")
                .forEach(choice -> recording.piece(choice.path("text").asText(), List.of()));
        if (message.hasNonNull("usage")) {
            recording.count(message.get("usage").get("completion_tokens").asInt());
        }
    }

    @Override
    public void close() {
        process.close();
    }
}
