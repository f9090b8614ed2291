package io.github.mlx4j;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.internal.process.WorkerScripts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A worker that gives a fixed answer to each method, and records what it receives. */
public final class CannedWorker implements WorkerScripts {

    /** Each line of an answer is given with the call's id in the place of {@code ID}. */
    private static final String SCRIPT = """
            import json, os, sys
            answers = json.loads(open(FOLDER + "/answers.json").read())
            deaths = json.loads(open(FOLDER + "/deaths.json").read())
            with open(FOLDER + "/environments", "a") as environments:
                environments.write(json.dumps({"params": dict(os.environ)}) + "\\n")
            print('{"jsonrpc":"2.0","method":"hello","params":{"protocol":{"major":1,"minor":3},"worker":"fake",'
                  '"version":"1","pid":1,"python":"3","platform":"p","machine":"m","nonce":"' + sys.argv[1] + '"}}')
            for line in sys.stdin:
                call = json.loads(line)
                with open(FOLDER + "/" + call["method"], "a+") as sent:
                    sent.write(line)
                    sent.seek(0)
                    dying = len(sent.readlines()) <= deaths.get(call["method"], 0)
                lines = answers.get(call["method"], [])
                for answer in lines:
                    if dying and answer is lines[-1]:
                        os._exit(9)
                    print(answer.replace('"ID"', json.dumps(call.get("id"))))
            """;

    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final Map<String, List<String>> answers = new HashMap<>();
    private final Map<String, Integer> deaths = new HashMap<>();

    /** One that can load a model; its files are in the folder. */
    public CannedWorker(Path folder) {
        this.folder = folder;
        answers("initialize", result("\"model\":\"canned\",\"device\":\"cpu\",\"vocabularySize\":9"));
    }

    /** Has these lines for calls of a method. */
    public CannedWorker answers(String method, String... lines) {
        answers.put(method, List.of(lines));
        return this;
    }

    /** Dies, with exit code 9, before the last line of an answer, the first so many times that it is called. */
    public CannedWorker dies(String method, int times) {
        deaths.put(method, times);
        return this;
    }

    /** What it was sent: the params of each call of a method. */
    public List<JsonNode> sent(String method) {
        try {
            return Files.readAllLines(folder.resolve(method)).stream()
                    .map(CannedWorker::params)
                    .toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The environment variables of each process, as it began. */
    public List<JsonNode> environments() {
        return sent("environments");
    }

    @Override
    public Path install(Path ignored) throws IOException {
        Files.writeString(folder.resolve("answers.json"), JSON.writeValueAsString(answers));
        Files.writeString(folder.resolve("deaths.json"), JSON.writeValueAsString(deaths));
        String where = JSON.writeValueAsString(folder.toString());
        return Files.writeString(folder.resolve("canned.py"), SCRIPT.replace("FOLDER", where));
    }

    /** A line: a notification of the call. */
    public static String notification(String method, String fields) {
        return "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"id\":\"ID\",%s}}".formatted(method, fields);
    }

    /** A line: the call's result. */
    public static String result(String fields) {
        return "{\"jsonrpc\":\"2.0\",\"id\":\"ID\",\"result\":{%s}}".formatted(fields);
    }

    private static JsonNode params(String line) {
        try {
            return JSON.readTree(line).path("params");
        } catch (JsonProcessingException error) {
            throw new UncheckedIOException(error);
        }
    }
}
