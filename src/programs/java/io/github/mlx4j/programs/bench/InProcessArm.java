package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.provider.ProviderKind;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/**
 * A library in a Python process of its own, {@code python/bench/in_process_mlx.py} or {@code in_process_hf.py}, which
 * measures the times itself.
 */
final class InProcessArm implements Arm {

    private static final JsonMapper JSON = new JsonMapper();
    private static final File FOLDER = new File("python");

    private final String name;
    private final boolean batch;
    private final Path log;
    private final Process process;
    private final BufferedWriter requests;
    private final BufferedReader answers;

    /** Starts the engine's library for one caller ({@code batch} is false), or for several. */
    static InProcessArm start(ProviderKind engine, boolean batch, Path python, String model, Path log)
            throws IOException {
        Baseline names = Baseline.of(engine);
        ProcessBuilder program = new ProcessBuilder(
                        python.toString(),
                        "-s",
                        "-X",
                        "utf8",
                        "-m",
                        "bench.in_process_" + engine.id(),
                        model,
                        batch ? "batch" : "stream")
                .directory(FOLDER);
        return new InProcessArm(batch ? names.together() : names.alone(), batch, program, log);
    }

    /** Starts a program that speaks the protocol of the script. */
    InProcessArm(String name, boolean batch, ProcessBuilder builder, Path log) throws IOException {
        this.name = name;
        this.batch = batch;
        this.log = log;
        builder.environment().put("TOKENIZERS_PARALLELISM", "false");
        this.process = builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        this.requests = process.outputWriter(StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        read();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean serves(int callers, Sampling sampling) {
        return batch || callers == 1;
    }

    @Override
    public Round ask(List<Request> requests) {
        List<Answer> answers = new ArrayList<>();
        JsonNode round = call("generate", Map.of("requests", requests, "callers", CALLERS));
        for (JsonNode answer : round.get("answers")) {
            List<Integer> tokens = StreamSupport.stream(answer.get("tokens").spliterator(), false)
                    .map(JsonNode::asInt)
                    .toList();
            answers.add(new Answer(
                    answer.get("text").asText(),
                    tokens,
                    tokens.size(),
                    longs(answer.get("times")),
                    answer.get("end").asLong(),
                    null));
        }
        return new Round(answers, round.get("nanos").asLong());
    }

    /** Returns the number of tokens in a text. */
    int count(String text) {
        return call("count", Map.of("text", text)).asInt();
    }

    /** Returns the text of a chat whose turns alternate between user and assistant. */
    String render(List<String> turns) {
        return call("render", Map.of("turns", turns)).asText();
    }

    /** Returns package versions, and the revision of a hub model. */
    JsonNode info() {
        return call("info", Map.of());
    }

    /**
     * Returns the duration of each step in which a decoder generates a token and a prompt advances by one prefill
     * chunk, in nanoseconds.
     */
    long[] beside(String decoder, String prompt, int chunk) {
        return longs(call("beside", Map.of("decoder", decoder, "prompt", prompt, "chunk", chunk)));
    }

    @Override
    public void close() {
        try {
            requests.close();
        } catch (IOException gone) {
            process.destroy();
        }
    }

    private synchronized JsonNode call(String what, Map<String, ?> with) {
        try {
            requests.write(JSON.createObjectNode()
                    .put("do", what)
                    .setAll(JSON.<ObjectNode>valueToTree(with))
                    .toString());
            requests.write("\n");
            requests.flush();
            return read();
        } catch (IOException error) {
            throw new UncheckedIOException(name + ": " + error.getMessage(), error);
        }
    }

    private JsonNode read() throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("the program ended; see " + log);
        }
        return JSON.readTree(line);
    }

    private static long[] longs(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToLong(JsonNode::asLong)
                .toArray();
    }
}
