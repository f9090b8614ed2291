package io.github.mlx4j.cli;

import static io.github.mlx4j.CannedWorker.notification;
import static io.github.mlx4j.CannedWorker.result;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.CannedWorker;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.internal.files.FileTree;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MainTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final Map<String, String> before = new HashMap<>();

    @TempDir
    private Path folder;

    /** Settings of the machine are none of the tests'. */
    @BeforeEach
    void setEverything() {
        String nowhere = folder.resolve("nowhere").toString();
        Map<String, String> settings = new HashMap<>(Map.of(
                "TASK_ORCHESTRATOR_PROVIDER", "auto",
                "TASK_ORCHESTRATOR_FALLBACK", "none",
                "MLX_MODEL", "org/name",
                "HF_MODEL", "",
                "PYTHON_PATH", "",
                "MLX4J_MLX_PYTHON", nowhere,
                "MLX4J_HF_PYTHON", nowhere,
                "MLX4J_HOME", folder.resolve("home").toString(),
                "MLX4J_ALLOW_ANY_PLATFORM", "true",
                "MLX4J_DOWNLOAD", "never"));
        settings.put("MLX_ADAPTER_PATH", "");
        settings.put("OLLAMA_BASE_URL", "http://127.0.0.1:1"); // nobody is there, also where Ollama runs
        List.of("OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_MODEL", "ANTHROPIC_API_KEY")
                .forEach(name -> settings.put(name, ""));
        List.of("MLX_MODEL_ROUTER", "MLX4J_MAX_WORKERS", "MLX4J_MEMORY_RESERVE_MB")
                .forEach(name -> settings.put(name, ""));
        settings.forEach(this::set);
    }

    /** Until the test's end. */
    private void set(String name, String value) {
        String was = System.setProperty(name, value);
        if (!before.containsKey(name)) {
            before.put(name, was); // may be null
        }
    }

    @AfterEach
    void restoreEverything() {
        before.forEach((name, value) -> {
            if (value == null) {
                System.clearProperty(name);
            } else {
                System.setProperty(name, value);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--help",
                "generate --help",
                "enhance --help",
                "decompose --help",
                "embed --help",
                "tokens --help",
                "inspect --help",
                "verify --help",
                "compare --help",
                "doctor --help",
                "setup --help",
                "verify-install --help",
                "bench --help",
                ""
            })
    void shouldShowTheUsageWhenAskedForHelp(String command) {
        assertThat(run(command)).isZero();
        assertThat(out.toString()).contains("Usage: mlx4j");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void shouldListCommandsAndExitCodesWhenAskedForHelp() {
        run("--help");

        assertThat(out.toString())
                .contains(
                        "generate",
                        "enhance",
                        "decompose",
                        "embed",
                        "tokens",
                        "inspect",
                        "verify",
                        "compare",
                        "doctor",
                        "setup",
                        "verify-install",
                        "bench")
                .containsPattern("0 +success")
                .containsPattern("1 +failed; the message says why")
                .containsPattern("2 +invalid usage")
                .containsPattern("3 +no provider is available");
    }

    @Test
    void shouldSayItsVersionWhenAsked() {
        assertThat(run("--version")).isZero();
        assertThat(out.toString()).startsWith("mlx4j ").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "generate",
                "generate Hi --beams 4",
                "generate Hi --max-tokens many",
                "generate Hi there",
                "generate Hi --regex a --choice b",
                "generate Hi --json-schema nosuch.json",
                "generate Hi --logprobs 2",
                "generate Hi --provider nope",
                "generate Hi --temperature -1",
                "generate Hi --temperature NaN",
                "generate Hi --top-p 0",
                "generate Hi --top-p 7",
                "generate Hi --top-k -1",
                "generate Hi --min-p 1.5",
                "generate Hi --repetition-penalty 0",
                "generate Hi --presence-penalty 11",
                "generate Hi --frequency-penalty -11",
                "generate Hi --seed -1",
                "generate Hi --max-tokens 0",
                "generate Hi --json --logprobs 21",
                "embed Hi --provider nope",
                "tokens Hi --provider nope",
                "rerank Hi there --provider nope",
                "enhance Hi --provider nope",
                "decompose Hi --provider nope",
                "doctor --provider nope",
                "convert org/a --output there --group-size 5 --bits 4",
                "convert org/a --output there --group-size 5",
                "convert org/a --output there --bits 7",
                "convert org/a --output there --bits 4 --dequantize",
                "fuse org/a --output there --verify-with nobody",
                "verify a b --tolerance -1",
                "verify a b --tolerance NaN",
                "verify a b --max-tokens 0",
                "compare --base a --trained b --tasks c --max-tokens 0",
                "compare --base a --trained b --tasks c --max-samples 0",
                "evaluate --model a --data b --batch-size 0",
                "evaluate --model a --data b --max-length 1",
                "train --model a --output b --data c --steps 0",
                "train --model a --output b --data c --steps 1 --rank 0",
                "train --model a --output b --data c --steps 1 --learning-rate -1",
                "train --model a --output b --data c --steps 1 --validate-every -1",
                "train --model a --output b --data c --steps 1 --keep-checkpoints 0",
                "train --model a --output b --data c --steps 1 --patience -1",
                "models pick --role router --context 0",
                "models pick --role router --memory some",
                "models pull org/a --stall 0",
                "enhance",
                "enhance Write it --description",
                "decompose",
                "decompose Write it",
                "embed",
                "tokens",
                "tokens Hi there",
                "inspect",
                "doctor --jsonn",
                "setup torch",
                "verify-install ollama",
                "verify-install mlx hf",
                "bench --provider candle",
                "bench --runs 0",
                "bench --max-tokens 1",
                "bench --prompt-tokens 0",
                "bench --training 3",
                "translate Hi"
            })
    void shouldExitWithTwoWhenTheUsageIsWrong(String command) {
        assertThat(run(command)).isEqualTo(2);
        assertThat(err.toString()).isNotBlank().doesNotContain("\tat ").doesNotContainPattern("mlx4j: [A-Z_]+:");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void shouldNameTheOptionWhenItIsUnknown() {
        run("generate Hi --beams 4");

        assertThat(err.toString()).contains("Unknown options: '--beams', '4'");
    }

    @Test
    void shouldRefuseASystemMessageWhenThePromptIsRaw() {
        assertThat(run("generate Once --raw --system Brief")).isEqualTo(2);
        assertThat(err.toString()).contains("--system has no meaning with --raw, which uses no chat template");
    }

    @Test
    void shouldExitWithOneAndTheCodeWhenItFails() {
        assertThat(run("generate Hi --provider mlx")).isEqualTo(1);
        assertThat(err.toString())
                .startsWith("mlx4j: MLX_NOT_AVAILABLE: No provider is available here:")
                .contains("which MLX4J_MLX_PYTHON names", "What to do: ")
                .doesNotContain("\tat ");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void shouldExitWithOneWhenTheProviderOfTheEnvironmentDoesNotExist() {
        set("TASK_ORCHESTRATOR_PROVIDER", "nope");

        assertThat(run("generate Hi")).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: UNSUPPORTED_PROVIDER: ");
    }

    @Test
    void shouldExitWithThreeWhenNothingIsAvailable() {
        assertThat(run("generate Hi")).isEqualTo(3);
        assertThat(err.toString()).startsWith("mlx4j: NO_PROVIDER_AVAILABLE: ").contains("- mlx: ", "- hf: ");
    }

    @Test
    void shouldPrintTheTextWhenItGenerates() throws IOException {
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("generate", "Hi \ud83d\udc4b", "--system", "Be brief.")).isZero();
        assertThat(out.toString()).isEqualTo("Hi \ud83d\udc4b" + System.lineSeparator());
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void shouldPrintThinkingToStandardErrorWhenItGenerates() throws IOException {
        useWorker(new CannedWorker(folder)
                .answers(
                        "generate",
                        chunk(0, "thinking", "Hm, "),
                        chunk(1, "thinking", "well"),
                        chunk(2, "text", "Hel"),
                        chunk(3, "text", "lo"),
                        result("\"finishReason\":\"stop\",\"chunks\":4,\"usage\":{},\"timings\":{}")));

        assertThat(run("generate Hi")).isZero();
        assertThat(out.toString()).isEqualTo("Hello" + System.lineSeparator());
        assertThat(err.toString()).isEqualTo("Hm, well" + System.lineSeparator());
    }

    @Test
    void shouldPrintAClearerTaskWhenItEnhances() throws IOException {
        useWorker(saying("{'content': 'Write the {plan}.', 'acceptanceCriteria': ['It is written', 'It is read']}"));

        assertThat(run("enhance", "The plan", "--description", "Due soon")).isZero();
        assertThat(out.toString().lines()).containsExactly("Write the {plan}.", "- It is written", "- It is read");
    }

    @Test
    void shouldPrintOneObjectWhenItEnhancesAsJson() throws IOException {
        CannedWorker worker = saying("{'content': 'Write the plan.', 'acceptanceCriteria': ['It is written']}");
        useWorker(worker);

        assertThat(run("enhance", "The plan", "--description", "Due soon", "--json"))
                .isZero();
        assertThat(json().fieldNames())
                .toIterable()
                .containsExactly(
                        "enhancementId", "taskId", "timestamp", "enhancementType", "content", "acceptanceCriteria");
        assertThat(json().path("enhancementType").textValue()).isEqualTo("clarify");
        assertThat(Instant.parse(json().path("timestamp").textValue())).isBeforeOrEqualTo(Instant.now());
        assertThat(worker.sent("generate").get(0).at("/messages/1/content").textValue())
                .contains("Title: The plan\nDescription: Due soon\n");
    }

    @Test
    void shouldPrintTheSubtasksInOrderWhenItDecomposes() throws IOException {
        useWorker(saying("{'subtasks': [{'title': 'Release the rocket', 'dependsOn': [2, 3]},"
                + " {'title': 'Build the rocket', 'dependsOn': []}, {'title': 'Test the rocket', 'dependsOn': [2]}]}"));

        assertThat(run("decompose", "Launch")).isZero();
        assertThat(out.toString().lines())
                .containsExactly(
                        "1. Build the rocket", "2. Test the rocket (after 1)", "3. Release the rocket (after 1, 2)");
    }

    @Test
    void shouldPrintOneObjectWhenItDecomposesAsJson() throws IOException {
        useWorker(
                saying(
                        "{'subtasks': [{'title': 'Build the rocket', 'dependsOn': []},"
                                + " {'title': 'Test the rocket', 'dependsOn': [1]}, {'title': 'Release the rocket', 'dependsOn': []}]}"));

        assertThat(run("decompose", "Launch", "--json")).isZero();
        String task = json().path("taskId").textValue();
        assertThat(json().path("title").textValue()).isEqualTo("Launch");
        assertThat(json().path("subtasks")).hasSize(3).contains(new JsonMapper().readTree("""
                        {"id": "%s.2", "title": "Test the rocket", "dependsOn": ["%s.1"]}""".formatted(task, task)));
    }

    @Test
    void shouldExitWithOneWhenTheModelsAnswerIsOfNoUse() throws IOException {
        useWorker(saying("I would rather not."));

        assertThat(run("decompose", "Launch")).isEqualTo(1);
        assertThat(err.toString())
                .startsWith("mlx4j: UNREADABLE_ANSWER: The answer can't be read as Subtasks: it contains no JSON");
    }

    /** One that always says this, with quotes for apostrophes. */
    private CannedWorker saying(String text) {
        return new CannedWorker(folder)
                .answers(
                        "generate",
                        chunk(0, "text", text.replace("'", "\\\"")),
                        result("\"finishReason\":\"stop\",\"chunks\":1,\"usage\":{},\"timings\":{}"));
    }

    @Test
    void shouldPrintALineForEachTextWhenItEmbeds() throws IOException {
        useWorker(new CannedWorker(folder)
                .answers(
                        "embed",
                        notification("embedding", "\"index\":0,\"vector\":\"AACAPwAAAAA=\""),
                        notification("embedding", "\"index\":1,\"vector\":\"AAAAwAAAAD8=\""),
                        result("\"count\":2,\"dimensions\":2")));

        assertThat(run("embed a b")).isZero();
        assertThat(out.toString().lines())
                .containsExactly("{\"text\":\"a\",\"vector\":[1.0,0.0]}", "{\"text\":\"b\",\"vector\":[-2.0,0.5]}");
    }

    @Test
    void shouldSayHowTextsArePooledAndPassThePromptWhenItEmbeds() throws IOException {
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("embed Hi --provider hf --model org/b --prompt-name query"))
                .isZero();
        assertThat(out.toString().strip())
                .isEqualTo("{\"text\":\"Hi\",\"pooling\":\"mean (assumed)\",\"vector\":[9.0,113.0]}");
        assertThat(run("embed Hi --provider hf --model org/b --prompt-name other"))
                .isEqualTo(1);
        assertThat(err.toString()).contains("no prompt 'other'").contains("query");
    }

    @Test
    void shouldPrintHowManyAndWhichWhenAskedForTokens() throws IOException {
        useWorker(new CannedWorker(folder).answers("tokenize", result("\"tokens\":[4,5]")));

        assertThat(run("tokens Hi")).isZero();
        assertThat(out.toString().strip()).isEqualTo("{\"count\":2,\"tokens\":[4,5]}");
    }

    @Test
    void shouldPassEveryOptionOnWhenItGenerates() throws IOException {
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("generate Once,upon --raw --json --provider hf --model org/b --max-tokens 9 --stop , --stop ;"
                        + " --temperature 0.7 --top-p 0.9 --top-k 40 --seed 7"))
                .isZero();
        JsonNode answer = json();
        assertThat(answer.path("text").textValue()).isEqualTo("Once");
        assertThat(answer.path("tokens")).hasSize(5);
        assertThat(answer.path("finishReason").textValue()).isEqualTo("stop");
        assertThat(answer.path("stop").textValue()).isEqualTo(",");
        assertThat(answer.path("usage").path("promptTokens").intValue()).isEqualTo(9);
        assertThat(answer.path("usage").path("completionTokens").intValue()).isEqualTo(5);
        assertThat(answer.path("timings").path("firstTokenMs").doubleValue()).isPositive();
        assertThat(answer.path("backend"))
                .isEqualTo(new JsonMapper()
                        .createObjectNode()
                        .put("provider", "hf")
                        .put("model", "org/b")
                        .put("device", "cpu"));
    }

    /** The option's range here is not narrower than the worker's. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "--temperature 100 --top-p 1 --top-k 0 --min-p 1 --repetition-penalty 10 --presence-penalty 10",
                "--temperature 0 --min-p 0 --frequency-penalty -10 --seed 0 --max-tokens 1 --json --logprobs 20",
                "--presence-penalty -10 --frequency-penalty 10 --seed 9223372036854775807 --max-tokens 2147483647"
            })
    void shouldTakeTheEndsOfEachRangeWhenTheWorkerDoes(String options) throws IOException {
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("generate Hi " + options)).as(err.toString()).isZero();
    }

    @Test
    void shouldSayWhichValueIsWrongWhenOnlyTheModelTells() throws IOException {
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("generate Hi --top-k 1114112")).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: INVALID_REQUEST: --top-k is 1114112");
    }

    @Test
    void shouldNameTheOptionItsValueAndItsRangeWhenItIsOutside() {
        run("generate Hi --top-p 7");
        run("generate Hi --max-tokens 0");
        run("convert org/a --output there --bits 7");

        assertThat(err.toString())
                .contains(
                        "--top-p is 7.0, but must be above 0 up to 1",
                        "--max-tokens is 0, but must be from 1",
                        "bits",
                        "Usage: mlx4j convert");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "models rm", "models pull", "models show", "generate", "enhance"})
    void shouldExitWithTwoWhenAnArgumentIsEmpty(String command) {
        assertThat(run(Stream.concat(Stream.of(command.split(" ")), Stream.of(""))
                        .toArray(String[]::new)))
                .isEqualTo(2);
        assertThat(err.toString()).contains(" is empty", "Usage: mlx4j " + command);
    }

    @Test
    void shouldExitWithTwoWhenTheStandardInputIsEmpty() {
        InputStream before = System.in;
        System.setIn(InputStream.nullInputStream());
        try {
            for (String command :
                    List.of("generate -", "tokens -", "embed -", "rerank - a", "enhance a --description -")) {
                assertThat(run(command)).isEqualTo(2);
            }
        } finally {
            System.setIn(before);
        }
        assertThat(err.toString()).contains("standard input is empty");
    }

    @Test
    void shouldNameTheOthersWhenAllFail() throws IOException {
        System.setProperty("TASK_ORCHESTRATOR_FALLBACK", "hf");
        System.setProperty("HF_MODEL", "{\"error\":\"OutOfMemory\"}");
        usePython(StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(run("generate", "Hi", "--model", "{\"error\":\"ModelLoadFailed\"}"))
                .isEqualTo(1);
        assertThat(err.toString().lines())
                .containsExactly(
                        "mlx4j: MODEL_LOAD_FAILED: ModelLoadFailed on demand What to do: Ask for something else.",
                        "  and: OutOfMemory on demand What to do: Ask for something else.");
    }

    @Test
    void shouldDiagnoseAsJsonWhenNothingIsAvailable() throws IOException {
        assertThat(run("doctor --json")).isEqualTo(3);

        JsonNode report = json();
        assertThat(report.path("java").textValue()).isEqualTo(System.getProperty("java.version"));
        assertThat(report.path("hardware").path("cores").intValue()).isPositive();
        assertThat(report.path("hardware").path("memoryBytes").isLong()).isTrue();
        assertThat(report.path("home").textValue())
                .isEqualTo(folder.resolve("home").toString());
        assertThat(report.path("selection").isNull()).isTrue();
        assertThat(report.path("error").textValue()).startsWith("NO_PROVIDER_AVAILABLE: ");
        assertThat(report.path("providers")).hasSize(5);
        assertThat(workers(report)).allSatisfy(provider -> {
            assertThat(provider.path("available").booleanValue()).isFalse();
            assertThat(provider.path("code").textValue()).isEqualTo("PYTHON_NOT_FOUND");
            assertThat(provider.path("reason").textValue())
                    .contains(folder.resolve("nowhere").toString());
            assertThat(provider.path("fix").textValue()).contains("mlx4j setup ");
            assertThat(provider.path("model").textValue()).isEqualTo("org/name");
        });
    }

    @Test
    void shouldDiagnoseForPeopleWhenNothingIsAvailable() {
        assertThat(run("doctor")).isEqualTo(3);

        assertThat(out.toString())
                .contains("mlx: not available (PYTHON_NOT_FOUND)", "hf: not available (PYTHON_NOT_FOUND)")
                .contains("NO_PROVIDER_AVAILABLE: No provider is available here:")
                .containsPattern("hardware: .+\\R  cores +\\d+.*\\R  memory +.+ available now")
                .containsPattern("what to do +Correct MLX4J_HF_PYTHON, or unset it and run `mlx4j setup hf`\\.");
    }

    @Test
    void shouldDiagnoseAsJsonWhenAllIsWell() throws IOException {
        usePython(StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL));

        assertThat(run("doctor --json")).isZero();

        JsonNode report = json();
        assertThat(report.path("selection").path("provider").textValue()).isEqualTo("mlx");
        assertThat(report.path("providers")).hasSize(5);
        assertThat(workers(report)).allSatisfy(provider -> {
            assertThat(provider.path("available").booleanValue()).isTrue();
            assertThat(provider.path("interpreter").textValue())
                    .isEqualTo(folder.resolve("stub").toString());
            assertThat(provider.path("python").textValue()).isEqualTo("3.12.1");
            assertThat(provider.path("versions").path("mlx-lm").textValue()).isEqualTo("0.32.2");
        });
    }

    @Test
    void shouldDiagnoseForPeopleWhenAllIsWell() throws IOException {
        usePython(StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL));

        assertThat(run("doctor")).isZero();

        assertThat(out.toString())
                .contains("mlx: available", "hf: available", "(Python 3.12.1)", "chosen: mlx, behind it: []");
    }

    @Test
    void shouldShowTheModelsOfRolesAndWhetherTheyFitTogether() throws IOException {
        usePython(StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL));
        Path model = Path.of("src", "test", "resources", "models", "tiny-chat").toAbsolutePath();
        Path copy = Files.createDirectory(folder.resolve("copy")).toRealPath();
        for (Path file : FileTree.list(model)) {
            Files.copy(file, copy.resolve(file.getFileName()));
        }
        set("MLX_MODEL", Files.createSymbolicLink(folder.resolve("link"), model).toString()); // one and the same
        set("MLX_MODEL_ROUTER", copy.toString());

        assertThat(run("doctor --json")).isZero();
        JsonNode roles = json().path("roles");
        assertThat(roles.at("/models/0/role").textValue()).isEqualTo("router");
        assertThat(roles.at("/models/0/model").textValue()).isEqualTo(copy.toString());
        assertThat(roles.at("/models/0/origin").textValue()).isEqualTo("MLX_MODEL_ROUTER");
        assertThat(roles.at("/models/0/sharedWith")).isEmpty();
        assertThat(roles.at("/models/5/role").textValue()).isEqualTo("general");
        assertThat(roles.at("/models/5/model").textValue()).isEqualTo(model.toString());
        assertThat(roles.at("/models/5/origin").textValue()).isEqualTo("MLX_MODEL");
        assertThat(roles.at("/models/5/sharedWith"))
                .extracting(JsonNode::textValue)
                .containsExactly("decomposer", "enhancer", "tester", "reranker");
        long each = roles.at("/memory/needs/0/neededBytes").longValue();
        assertThat(each).isGreaterThan(Files.size(model.resolve("model.safetensors")));
        assertThat(roles.at("/memory/neededBytes").longValue()).isEqualTo(2 * each);
        assertThat(roles.at("/memory/together").booleanValue()).isTrue();

        set("MLX4J_MAX_WORKERS", "1");
        out.getBuffer().setLength(0);
        assertThat(run("doctor")).isZero();
        assertThat(out.toString())
                .contains(
                        "roles:",
                        "router       " + copy + " (MLX_MODEL_ROUTER)",
                        "general      " + model + " (MLX_MODEL)")
                .containsPattern("    in all .+; available .+ beside a reserve of 1\\.1 GB; MLX4J_MAX_WORKERS is 1\\R"
                        + "    they take turns: idle ones are stopped for others\\R");
    }

    @Test
    void shouldTakeTheGivenModelForEveryRole() throws IOException {
        usePython(StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL));
        set("MLX_MODEL_ROUTER", "org/router");

        assertThat(run("doctor --json --model org/given")).isZero();

        assertThat(json().at("/roles/models"))
                .hasSize(6)
                .allSatisfy(role -> assertThat(role.path("model").textValue()).isEqualTo("org/given"));
    }

    private static List<JsonNode> workers(JsonNode report) {
        return List.of(report.path("providers").get(0), report.path("providers").get(1));
    }

    private void useWorker(CannedWorker worker) throws IOException {
        usePython(StubPython.withWorker(folder.resolve("stub"), worker));
    }

    private static String chunk(int seq, String kind, String text) {
        return notification(
                "chunk", "\"seq\":%d,\"kind\":\"%s\",\"text\":\"%s\",\"tokens\":[4]".formatted(seq, kind, text));
    }

    private static void usePython(Path python) {
        System.setProperty("MLX4J_MLX_PYTHON", python.toString());
        System.setProperty("MLX4J_HF_PYTHON", python.toString());
    }

    private int run(String command) {
        return run(command.isEmpty() ? new String[0] : command.split(" "));
    }

    private int run(String... arguments) {
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(arguments);
    }

    private JsonNode json() throws IOException {
        return new JsonMapper().readTree(out.toString());
    }
}
