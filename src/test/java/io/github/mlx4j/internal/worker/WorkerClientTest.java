package io.github.mlx4j.internal.worker;

import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.WorkerTraces;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.protocol.Bounds;
import io.github.mlx4j.internal.protocol.Hello;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkerClientTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<WorkerClient> clients = new ArrayList<>();
    private final List<Path> folders = new ArrayList<>();

    @TempDir
    private Path scratch;

    @AfterEach
    void closeClients() {
        clients.forEach(WorkerClient::close);
        folders.forEach(WorkerTraces::awaitGone);
    }

    @Test
    void shouldRefuseAWorkerThatNothingRestrictsWhereThatIsRequired() throws Exception {
        Sandbox required = new Sandbox("require", false, List.of(), null);
        WorkerClient client = start(new WorkerLaunch(
                ProviderKind.MLX,
                List.of(FakeWorker.python().toString()),
                FakeWorker.SCRIPTS, // which isn't restricted, and says so
                false,
                Map.of(),
                required));
        assertFails(client.hello(), ConfigurationException.class)
                .withMessageContaining("MLX4J_SANDBOX=require")
                .withMessageContaining("MLX4J_SANDBOX=auto");
    }

    @Test
    void shouldBeGreetedByItsOwnWorker() throws IOException {
        WorkerClient client = start();

        assertThat(client.hello()).succeedsWithin(SOON).satisfies(hello -> {
            assertThat(hello.pid()).isEqualTo(client.pid());
            assertThat(hello.worker()).isEqualTo("fake");
            assertThat(hello.nonce()).hasSize(36);
        });
        assertThat(client.isAlive()).isTrue();
    }

    @Test
    void shouldTakeNoOtherHelloWhenItsNonceIsNotOurs() throws IOException {
        WorkerClient client = start("""
                say(nonce="planted", pid=1)
                say(nonce=sys.argv[1], pid=2)
                sys.stdin.read()
                """);

        assertThat(client.hello()).succeedsWithin(SOON).extracting(Hello::pid).isEqualTo(2L);
    }

    @Test
    void shouldFailWhenTheWorkerSpeaksAnotherVersion() throws IOException {
        WorkerClient client = start("""
                say(protocol={"major": 2, "minor": 0}, nonce=sys.argv[1])
                sys.stdin.read()
                """);

        assertFails(client.hello(), ProtocolException.class)
                .withMessage("The worker uses version 2 of the protocol, but this library uses version 1."
                        + " What to do: Use the worker that comes with this version of mlx4j.");
    }

    @Test
    void shouldGiveChunksAndAnAnswerWhenItGenerates() throws IOException {
        Recorder reply = generate(initialized(), "Hello");

        assertThat(reply.end()).succeedsWithin(SOON).satisfies(result -> {
            assertThat(result.path("finishReason").textValue()).isEqualTo("stop");
            assertThat(result.path("chunks").intValue()).isEqualTo(5);
        });
        assertThat(reply.text()).isEqualTo("Hello");
        assertThat(reply.ends()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "J\u00f6rg \ud83d\udc4b\ud83c\udffd",
                "a\u2028b\u2029c\u0085d",
                "one\ntwo\r\nthree\t\u0001\u007f\"\\",
                "\u0633\u0644\u0627\u0645 \u65e5\u672c"
            })
    void shouldKeepTextAsItIsOnTheWayThereAndBack(String text) throws IOException {
        Recorder reply = generate(initialized(), text);

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text()).isEqualTo(text);
    }

    @Test
    void shouldReplaceASurrogateWhenItIsAlone() throws IOException {
        Recorder reply = generate(initialized(), "a\ud83db\udc4bc");

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text()).isEqualTo("a\ufffdb\ufffdc");
    }

    @Test
    void shouldEndACallWhenItIsCancelled() throws IOException {
        WorkerClient client = initialized();
        Recorder paused = new Recorder();
        String id = client.call(generation(prompt("{\"say\":\"abc\",\"after\":1,\"pause\":true}")), paused);
        assertThat(paused.begun()).succeedsWithin(SOON);

        client.cancel(id);

        assertFails(paused.end(), CancelledException.class).withMessage("The request was cancelled.");
        client.cancel(id);
        client.cancel("no such call");
        assertThat(generate(client, "on").end()).succeedsWithin(SOON);
        client.close();
        assertThat(paused.ends()).as("once, and not again with the worker").isEqualTo(1);
    }

    @Test
    void shouldGoOnWhenALineIsNoise() throws IOException {
        WorkerClient client = initialized();

        Recorder reply = generate(client, "{\"say\":\"ok\",\"wire\":\"noise\\n\\u0000\\n[]\\n\"}");

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text()).isEqualTo("ok");
        assertThat(client.isAlive()).isTrue();
    }

    @Test
    void shouldGoOnWhenSixtyFourLinesAreNoise() throws IOException {
        Recorder reply = generate(initialized(), "{\"say\":\"ok\",\"wire\":\"" + "noise\\n".repeat(64) + "\"}");

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text()).isEqualTo("ok");
    }

    @Test
    void shouldEndTheWorkerWhenMoreLinesAreNoise() throws IOException {
        WorkerClient client = initialized();
        Recorder paused = generate(client, "{\"pause\":true}");
        Recorder noisy = generate(client, "{\"wire\":\"" + "noise\\n".repeat(65) + "\",\"hang\":true}");

        for (Recorder reply : List.of(paused, noisy)) {
            assertFails(reply.end(), ProtocolException.class)
                    .withMessage("The mlx worker wrote more than 64 lines that are not protocol messages."
                            + " What to do: Check what its Python environment prints when it starts.");
        }
        awaitGone(client);
    }

    @Test
    void shouldFailACallWhenItsAnswerMakesNoSenseToTheOneWhoAsked() throws IOException {
        WorkerClient client = initialized();
        CompletableFuture<Mlx4jException> failure = new CompletableFuture<>();

        client.call(WorkerCall.of(Method.PING, JsonNode.class), new Reply<JsonNode>() {
            @Override
            public void answered(JsonNode result) {
                throw new IllegalArgumentException("a field is missing");
            }

            @Override
            public void failed(Mlx4jException error) {
                failure.complete(error);
            }
        });

        assertThat(failure)
                .succeedsWithin(SOON)
                .asInstanceOf(type(ProtocolException.class))
                .satisfies(error -> assertThat(error)
                        .hasMessageStartingWith(
                                "The mlx worker sent an answer that can't be parsed: a field is missing")
                        .hasCauseInstanceOf(IllegalArgumentException.class));
        assertThat(generate(client, "on").end()).succeedsWithin(SOON);
    }

    static List<Throwable> anything() {
        return List.of(
                new IllegalStateException("thrown by the test"),
                new IOException("a checked one, as Kotlin throws them"),
                new StackOverflowError(),
                new OutOfMemoryError("thrown by the test"));
    }

    @ParameterizedTest
    @MethodSource("anything")
    void shouldEndOneCallOnceWhenItsReplyThrowsAnything(Throwable thrown) throws IOException {
        WorkerClient client = initialized();
        Recorder other = generate(client, "{\"say\":\"abc\",\"stepMs\":50}");
        List<Mlx4jException> failures = new CopyOnWriteArrayList<>();

        Map<String, Object> params = Map.of("prompt", "{\"pause\":true,\"after\":1}", "maxTokens", 9);
        client.call(WorkerCall.of(Method.GENERATE, params, JsonNode.class), new Reply<JsonNode>() {
            @Override
            public void notified(String method, JsonNode params) {
                sneakyThrow(thrown);
            }

            @Override
            public void answered(JsonNode result) {}

            @Override
            public void failed(Mlx4jException error) {
                failures.add(error);
                sneakyThrow(thrown);
            }
        });

        await().atMost(SOON).until(() -> !failures.isEmpty());
        assertThat(failures)
                .singleElement()
                .satisfies(error -> assertThat(error).hasCause(thrown));
        assertThat(other.end()).succeedsWithin(SOON);
        assertThat(other.text()).isEqualTo("abc");
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(client.ping().get().engine().open())
                        .as("it was cancelled in the worker too")
                        .isZero());
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneakyThrow(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @ParameterizedTest
    @ValueSource(ints = {127, 500, 990, 998, 5000})
    void shouldRefuseACallWhenItsParamsAreNestedTooDeeply(int depth) {
        Object deep = "x";
        for (int i = 0; i < depth; i++) {
            deep = List.of(deep);
        }
        Map<String, Object> params = Map.of("prompt", "Hi", "deep", deep);

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> generation(params))
                .withMessageContaining("nested more than 128 levels deep");
    }

    @Test
    void shouldRefuseACallWhenItsParamsHaveNoJsonForm() {
        assertThatIllegalStateException().isThrownBy(() -> generation(Map.of("prompt", new Object())));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"result\":{oops", "\"result\":{\"a\":1,\"a\":2}}", "\"result\":[[[["})
    void shouldEndTheCallWhoseAnswerCanNotBeParsed(String rest) throws IOException {
        WorkerClient client = initialized();
        Recorder paused = generate(client, "{\"pause\":true}");
        String id = lastId(client);
        ObjectNode script = new JsonMapper().createObjectNode();
        script.put("wire", "{\"jsonrpc\":\"2.0\",\"id\":\"" + id + "\"," + rest + "\n");

        assertThat(generate(client, script.toString()).end()).succeedsWithin(SOON);

        assertFails(paused.end(), ProtocolException.class)
                .withMessageStartingWith("The mlx worker sent an answer that can't be parsed");
    }

    /** The id of the last call: ids count. */
    private static String lastId(WorkerClient client) {
        return Long.toString(
                Long.parseLong(client.call(WorkerCall.of(Method.PING, JsonNode.class), new Recorder())) - 1);
    }

    @Test
    void shouldFailEveryPendingCallOnceWhenTheWorkerIsKilled() throws IOException {
        WorkerClient client = initialized();
        Recorder paused = generate(client, "{\"pause\":true}");
        Recorder killing = generate(client, "{\"signal\":9,\"stderr\":\"last words\"}");

        for (Recorder reply : List.of(paused, killing)) {
            assertFails(reply.end(), WorkerDiedException.class).satisfies(error -> {
                assertThat(error.code()).isEqualTo("WORKER_DIED");
                assertThat(error.exitCode()).isEqualTo(137);
                assertThat(error.standardError()).isEqualTo("last words");
                assertThat(error)
                        .hasMessageContaining("killed, often by the system because it ran out of memory")
                        .hasMessageContaining("last words")
                        .hasMessageContaining("What to do: Use a smaller or quantized model");
            });
        }
        awaitGone(client);
        client.close();
        assertThat(List.of(paused.ends(), killing.ends())).containsOnly(1);
        assertThat(client.isAlive()).isFalse();
    }

    @Test
    void shouldNameTheExitCodeWhenTheWorkerExits() throws IOException {
        Recorder reply = generate(initialized(), "{\"exit\":3}");

        assertFails(reply.end(), WorkerDiedException.class)
                .withMessageStartingWith("The mlx worker died (exit code 3).")
                .satisfies(error -> assertThat(error.exitCode()).isEqualTo(3));
    }

    @Test
    void shouldSayThatTheEngineFailedWhenItsThreadDies() throws IOException {
        Recorder reply = generate(initialized(), "{\"raise\":\"out of luck\"}");

        assertFails(reply.end(), WorkerDiedException.class)
                .withMessageStartingWith("The mlx worker died (exit code 70: its engine failed).");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void shouldFailTheHelloWhenTheProcessEndsBeforeIt(int exitCode) throws IOException {
        WorkerClient client = start(StubPython.script(scratch.resolve("stub"), "#!/bin/sh", "exit " + exitCode));

        assertFails(client.hello(), WorkerDiedException.class)
                .satisfies(error -> assertThat(error.exitCode()).isEqualTo(exitCode));
    }

    @Test
    void shouldEndWhenAGrandchildHoldsThePipesOpen() throws IOException {
        WorkerClient client = start("""
                import subprocess
                child = subprocess.Popen(["sleep", "30"])
                print(child.pid, file=sys.stderr, flush=True)
                os._exit(5)
                """);

        assertFails(client.hello(), WorkerDiedException.class).satisfies(error -> {
            assertThat(error.exitCode()).isEqualTo(5);
            long grandchild = Long.parseLong(error.standardError());
            assertThat(ProcessHandle.of(grandchild)).hasValueSatisfying(ProcessHandle::destroyForcibly);
        });
    }

    @Test
    void shouldFailAtOnceWhenCalledAfterDeath() throws IOException {
        WorkerClient client = initialized();
        assertThat(generate(client, "{\"exit\":3}").end()).failsWithin(SOON);

        Recorder late = generate(client, "late");

        assertThat(late.end()).as("at once").isCompletedExceptionally();
        assertFails(late.end(), WorkerDiedException.class).withMessageContaining("exit code 3");
        assertThat(late.ends()).isEqualTo(1);
    }

    @Test
    void shouldFailPendingCallsAndLeaveNothingBehindWhenClosed() throws IOException {
        WorkerClient client = initialized();
        Recorder paused = generate(client, "{\"pause\":true}");
        assertThat(folders)
                .singleElement()
                .satisfies(folder -> assertThat(folder).exists());

        client.close();

        assertFails(paused.end(), ClosedException.class).withMessage("The mlx worker was closed.");
        assertThat(ProcessHandle.of(client.pid())).isEmpty();
        assertThat(folders)
                .singleElement()
                .satisfies(folder -> assertThat(folder).doesNotExist());
        client.close();
        assertFails(generate(client, "late").end(), ClosedException.class);
        assertThat(paused.ends()).isEqualTo(1);
    }

    @Test
    void shouldEndTheProcessWhenClosedWhileTheEngineHangs() throws IOException {
        WorkerClient client = initialized();
        Recorder hanging = generate(client, "{\"say\":\"ab\",\"after\":1,\"hang\":true}");
        assertThat(hanging.begun()).succeedsWithin(SOON);

        client.close();

        assertFails(hanging.end(), ClosedException.class);
        assertThat(ProcessHandle.of(client.pid())).isEmpty();
    }

    @Test
    void shouldKillTheProcessAndItsChildrenWhenItDoesNotEndByItself() throws IOException {
        WorkerClient client = start("""
                import subprocess
                child = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL)
                say(nonce=sys.argv[1], pid=child.pid)
                time.sleep(30)
                """);
        assertThat(client.hello()).succeedsWithin(SOON);
        long child = client.hello().join().pid();

        client.close();

        assertThat(ProcessHandle.of(client.pid())).isEmpty();
        await().atMost(SOON).until(() -> isGone(child));
        assertThat(folders)
                .singleElement()
                .satisfies(folder -> assertThat(folder).doesNotExist());
    }

    @Test
    void shouldRefuseARequestWhenItIsLongerThanALine() throws IOException {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> generation(prompt("x".repeat(Bounds.MAX_LINE_BYTES))))
                .withMessageMatching("The request is longer than 8.388.608 bytes.*");
        WorkerClient client = initialized();
        int envelope = generation(prompt("")).line("1").length - 1;
        String longest = "x".repeat(Bounds.MAX_LINE_BYTES - envelope + 1); // too long by its id only
        Recorder reply = generate(client, longest);
        assertFails(reply.end(), InvalidRequestException.class)
                .withMessageMatching("The request is longer than 8.388.608 bytes.*");
        assertThat(client.openWork()).isZero();
        assertThat(generate(client, "on").end())
                .as("the worker heard nothing of it")
                .succeedsWithin(SOON);
    }

    @Test
    void shouldCarryARequestWhenItIsAsLongAsALine() throws IOException {
        WorkerClient client = start(FakeWorker.launch());
        initialize(client, "{\"context\":9000000}");
        Map<String, Object> params = Map.of("prompt", "x".repeat(8_300_000), "maxTokens", 2);
        Recorder reply = new Recorder();

        client.call(generation(params), reply);

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text()).isEqualTo("xx");
    }

    @Test
    void shouldGiveTheWorkerNoVariableButThoseListed() throws IOException {
        Set<String> listed = WorkerEnvironment.from(System.getenv(), Map.of("EXTRA", "1")).entrySet().stream()
                .filter(variable -> variable.getValue() != null)
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
        assertThat(System.getenv().keySet())
                .as("there is something to leave out")
                .anyMatch(name -> !listed.contains(name));
        WorkerClient client = start(
                new WorkerLaunch(ProviderKind.MLX, FakeWorker.python(), FakeWorker.SCRIPTS, Map.of("EXTRA", "1")));
        initialize(client, "fake");

        Recorder reply = generate(client, "{\"env\":true}");

        assertThat(reply.end()).succeedsWithin(SOON);
        assertThat(reply.text().lines())
                .contains("PATH", "EXTRA", "TOKENIZERS_PARALLELISM")
                .filteredOn(name -> !Set.of( // of Python, the worker and macOS
                                "LC_CTYPE", "TMPDIR", "HF_MODULES_CACHE", "TRITON_CACHE_DIR", "__CF_USER_TEXT_ENCODING")
                        .contains(name))
                .allMatch(listed::contains);
    }

    @Test
    void shouldRunTheWorkerInAPrivateFolder() throws IOException {
        WorkerClient client = start("""
                say(nonce=sys.argv[1], platform=os.getcwd())
                sys.stdin.read()
                """);

        assertThat(client.hello()).succeedsWithin(SOON);
        assertThat(folders).singleElement().satisfies(folder -> {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
                    .isEqualTo("rwx------");
            assertThat(folder.resolve("cwd").toRealPath())
                    .hasToString(client.hello().join().platform())
                    .isEmptyDirectory();
        });
    }

    @Test
    void shouldLeaveNothingBehindWhenThereIsNoSuchInterpreter() {
        Path nowhere = scratch.resolve("nowhere");

        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> start(nowhere))
                .withMessageContaining(nowhere.toString());
        assertThat(folders)
                .singleElement()
                .satisfies(folder -> assertThat(folder).doesNotExist());
    }

    private WorkerClient initialized() throws IOException {
        WorkerClient client = start();
        initialize(client, "fake");
        return client;
    }

    private static void initialize(WorkerClient client, String source) {
        Recorder reply = new Recorder();
        client.call(WorkerCall.of(Method.INITIALIZE, Load.Params.of(source, false), JsonNode.class), reply);
        assertThat(reply.end()).succeedsWithin(SOON);
    }

    private static Recorder generate(WorkerClient client, String prompt) {
        Recorder reply = new Recorder();
        client.call(generation(prompt(prompt)), reply);
        return reply;
    }

    private static WorkerCall<JsonNode> generation(Map<String, Object> params) {
        return WorkerCall.of(Method.GENERATE, params, JsonNode.class);
    }

    private static Map<String, Object> prompt(String text) {
        return Map.of("prompt", text, "maxTokens", 2000);
    }

    private WorkerClient start() throws IOException {
        return start(FakeWorker.launch());
    }

    /** A worker of these Python statements, which may say hello. */
    private WorkerClient start(String statements) throws IOException {
        Path script = Files.writeString(scratch.resolve("script.py"), """
                import json, os, sys, time

                def say(**fields):
                    hello = {"protocol": {"major": 1, "minor": 0}, "worker": "stub", "version": "", "pid": 0,
                             "python": "", "platform": "", "machine": "", **fields}
                    print(json.dumps({"jsonrpc": "2.0", "method": "hello", "params": hello}), flush=True)

                """ + statements);
        return start(new WorkerLaunch(ProviderKind.MLX, FakeWorker.python(), folder -> script, Map.of()));
    }

    @Test
    void shouldStartPythonThroughALauncher() throws Exception {
        List<String> python = List.of("/usr/bin/env", FakeWorker.python().toString());

        WorkerClient client = start(new WorkerLaunch(ProviderKind.MLX, python, FakeWorker.SCRIPTS, false, Map.of()));

        assertThat(client.hello()).succeedsWithin(SOON).extracting(Hello::pid).isEqualTo(client.pid());
    }

    private WorkerClient start(Path interpreter) throws IOException {
        return start(new WorkerLaunch(ProviderKind.MLX, interpreter, FakeWorker.SCRIPTS, Map.of()));
    }

    private WorkerClient start(WorkerLaunch launch) throws IOException {
        WorkerClient client = WorkerClient.start(new WorkerLaunch(
                launch.kind(),
                launch.python(),
                folder -> {
                    folders.add(folder.getParent());
                    return launch.scripts().install(folder);
                },
                launch.network(),
                launch.environment(),
                launch.sandbox()));
        clients.add(client);
        return client;
    }

    private static void awaitGone(WorkerClient client) {
        await().atMost(SOON).until(() -> isGone(client.pid()));
    }

    private static boolean isGone(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty();
    }
}
