package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.provider.ProviderKind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests the command line and the real mlx worker with a local hub, whose model names describe what is wrong with them.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class HubIT {

    private static final String ASK = "Who are you?";
    private static final String WEIGHTS = "model.safetensors";

    /** Runs its arguments. A background job of a shell ignores SIGINT, and so does Java if it was started so. */
    private static final String HEED_INTERRUPTS = """
            import os, signal, sys
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(sys.argv[1], sys.argv[1:])
            """;

    @TempDir
    private Path temp;

    private Process server;
    private String url;

    @BeforeEach
    void startServer() throws IOException {
        server = new ProcessBuilder(
                        Fixture.python(ProviderKind.MLX).toString(),
                        "python/engine_tests/hub_server.py",
                        Fixture.MODEL.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        url = new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8)).readLine();
    }

    @AfterEach
    void endServer() {
        server.destroyForcibly();
    }

    @Test
    void shouldFetchAModelThenListAndRemoveIt() throws Exception {
        CliIT.Run pulled = mlx4j("models", "pull", "tiny/chat", "--json");
        assertThat(pulled.exit()).as(pulled.err()).isZero();
        assertThat(pulled.err()).contains("7.4 MB of 7.4 MB tiny/chat");
        Path folder = Path.of(pulled.json().path("folder").textValue());
        assertThat(folder).startsWith(cache().toRealPath());
        assertThat(folder.resolve(WEIGHTS)).hasSameBinaryContentAs(Fixture.MODEL.resolve(WEIGHTS));

        long size = Files.size(Fixture.MODEL.resolve(WEIGHTS));
        CliIT.Run refused = mlx4j("models", "rm", "tiny/chat"); // nobody is there to say yes
        assertThat(refused.exit()).isEqualTo(1);
        assertThat(refused.err()).contains("Remove tiny/chat (7.4 MB)", "nothing was removed");
        assertThat(folder).exists();

        CliIT.Run removed = mlx4j("models", "rm", "--yes", "tiny/chat");
        assertThat(removed.exit()).as(removed.err()).isZero();
        assertThat(removed.out()).isEqualTo("tiny/chat: freed 7.4 MB\n");
        assertThat(bytesIn(cache())).isLessThan(size);
        assertThat(mlx4j("models", "rm", "--yes", "tiny/chat").err()).contains("MODEL_NOT_FOUND");
    }

    @Test
    void shouldFetchOnFirstUseThoughTheWorkerHasNoNetworkAndAnswerWithoutTheHubAfterwards() throws Exception {
        String mode = OS.LINUX.isCurrentOs() ? "require" : "auto";
        CliIT.Run first = generate("tiny/chat", Map.of("MLX4J_SANDBOX", mode));
        assertThat(first.exit()).as(first.err()).isZero();
        assertThat(first.out()).isEqualTo(Fixture.known(ASK).text() + "\n");
        assertThat(ranges()).containsExactly("bytes=0-");

        endServer();
        CliIT.Run again = generate("tiny/chat", Map.of());
        assertThat(again.out()).as(again.err()).isEqualTo(first.out());
    }

    @Test
    void shouldNotFetchWhereDownloadsAreForbidden() throws Exception {
        CliIT.Run run = generate("tiny/chat", Map.of("MLX4J_DOWNLOAD", "never"));

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err()).contains("MODEL_NOT_FOUND", "mlx4j models pull tiny/chat");
        assertThat(requests()).isEmpty();
    }

    @Test
    void shouldRefuseBeforeTheDownloadWhatDoesNotFitIntoMemory() throws Exception {
        CliIT.Run run = generate("faults/huge", Map.of());

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err())
                .contains("OUT_OF_MEMORY", "The weights of faults/huge take 10000.0 GB", "nothing was downloaded");
        assertThat(ranges()).isEmpty();
        assertThat(bytesIn(cache())).isZero();
    }

    @Test
    void shouldRefuseBeforeTheDownloadWhatDoesNotFitOntoTheDisk() throws Exception {
        CliIT.Run run = mlx4j("models", "pull", "faults/huge");

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err()).contains("DOWNLOAD_FAILED", "needs 10000.0 GB more on the disk");
        assertThat(ranges()).isEmpty();
    }

    @Test
    void shouldGiveUpAStalledDownloadAndKeepWhatIsThere() throws Exception {
        CliIT.Run run = mlx4j("models", "pull", "faults/stall", "--stall", "1");

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err()).contains("DOWNLOAD_FAILED", "No byte of model.safetensors came for 1 s");
        assertThat(partial()).isEqualTo(Files.size(Fixture.MODEL.resolve(WEIGHTS)) / 2);
    }

    @Test
    void shouldGoOnAfterAnInterruptFromWhereItWas() throws Exception {
        long half = Files.size(Fixture.MODEL.resolve(WEIGHTS)) / 2;
        List<String> command = JavaCommand.of("-jar", CliIT.jar(), "models", "pull", "faults/stall-once");
        command.addAll(0, List.of(Fixture.python(ProviderKind.MLX).toString(), "-c", HEED_INTERRUPTS));
        ProcessBuilder pull = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        pull.environment().putAll(environment());
        Process interrupted = pull.start();
        try {
            await().atMost(Duration.ofMinutes(1)).until(() -> partial() == half);
            new ProcessBuilder("kill", "-INT", Long.toString(interrupted.pid()))
                    .start()
                    .waitFor();
            assertThat(interrupted.waitFor(30, TimeUnit.SECONDS)).isTrue();
        } finally {
            interrupted.destroyForcibly();
        }
        assertThat(interrupted.exitValue()).isNotZero();
        assertThat(partial()).isEqualTo(half);

        CliIT.Run again = mlx4j("models", "pull", "faults/stall-once", "--json");

        assertThat(again.exit()).as(again.err()).isZero();
        assertThat(Path.of(again.json().path("folder").textValue()).resolve(WEIGHTS))
                .hasSameBinaryContentAs(Fixture.MODEL.resolve(WEIGHTS));
        assertThat(ranges()).containsExactly("bytes=0-", "bytes=" + half + "-");
    }

    @Test
    void shouldSendTheTokenToTheHubAndShowItNowhere() throws Exception {
        assertThat(mlx4j("models", "pull", "faults/private").err())
                .contains("MODEL_NOT_FOUND", "or it is private", "HF_TOKEN");
        Map<String, String> token = Map.of("HF_TOKEN", "secret");

        CliIT.Run run = generate("faults/private", token);

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out() + run.err()).doesNotContain("secret");
    }

    @Test
    void shouldReachTheHubThroughAProxyAndNotShowItsPassword() throws Exception {
        String proxy = url.replace("http://", "http://user:pass-word@"); // the hub is a proxy too
        Map<String, String> settings = Map.of("HF_ENDPOINT", "http://hub.invalid", "HTTP_PROXY", proxy);

        CliIT.Run run = generate("tiny/chat", settings);

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(requests())
                .isNotEmpty()
                .allSatisfy(request -> assertThat(request.path("host").asText()).isEqualTo("hub.invalid"));

        endServer();
        Map<String, String> again = new HashMap<>(environment());
        again.putAll(settings);
        CliIT.Run down = CliIT.mlx4j(again, "models", "pull", "tiny/other", "--stall", "1");
        assertThat(down.err()).contains("DOWNLOAD_FAILED");
        again.put("HTTP_PROXY", "http://user:pass-word#@proxy.invalid");
        CliIT.Run wrong = CliIT.mlx4j(again, "models", "pull", "tiny/other");
        assertThat(wrong.err()).contains("DOWNLOAD_FAILED", "The proxy or certificate settings can't be used");
        assertThat(run.err() + down.err() + wrong.err()).doesNotContain("pass-word");
    }

    @Test
    void shouldSayWhereTheRegistryIsWrong() throws Exception {
        String right = """
                {"id": "tiny/%s", "provider": "mlx", "parameters": 1820352, "dtype": "float32", "contextLength": %d,
                 "licence": "apache-2.0", "architecture": {"layers": 4, "hiddenSize": 192, "heads": 6,
                 "keyValueHeads": 3, "headSize": 32, "vocabularySize": 1024}}
                """;
        String missing = right.formatted("x", 4096).replace("tiny/x", "faults/missing");
        Files.writeString(
                home().resolve("models.json"),
                "{\"models\": [%s, %s, %s]}"
                        .formatted(right.formatted("right", 4096), right.formatted("wrong", 8192), missing));

        CliIT.Run good = mlx4j("models", "verify", "tiny/right");
        assertThat(good.exit()).as(good.out() + good.err()).isZero();
        assertThat(good.out()).contains("matches the registry");

        CliIT.Run bad = mlx4j("models", "verify", "tiny/right", "tiny/wrong", "faults/missing", "--json");
        assertThat(bad.exit()).isEqualTo(1);
        JsonNode models = bad.json().path("models");
        assertThat(models.get(0).path("differences")).isEmpty();
        assertThat(models.get(1).path("differences").get(0).textValue())
                .isEqualTo("contextLength: the registry says 8192, the hub 4096");
        assertThat(models.get(2).path("found").booleanValue()).isFalse();
        assertThat(models.get(2).path("differences").get(0).textValue()).contains("has no model faults/missing");
        assertThat(bytesIn(cache())).isZero();

        endServer();
        CliIT.Run offline = mlx4j("models", "verify", "tiny/right");
        assertThat(offline.exit()).isEqualTo(1);
        assertThat(offline.err()).contains("DOWNLOAD_FAILED", "can't be used for tiny/right", "Check the network");
    }

    private CliIT.Run mlx4j(String... arguments) throws Exception {
        return CliIT.mlx4j(environment(), arguments);
    }

    private CliIT.Run generate(String model, Map<String, String> more) throws Exception {
        Map<String, String> settings = new HashMap<>(environment());
        settings.put("MLX_MODEL", model);
        settings.putAll(more);
        return CliIT.mlx4j(settings, "generate", "--provider", "mlx", ASK);
    }

    private Map<String, String> environment() throws IOException {
        return Map.of(
                "MLX4J_HOME",
                home().toString(),
                "MLX4J_ALLOW_ANY_PLATFORM",
                "true",
                "MLX4J_MLX_PYTHON",
                Fixture.python(ProviderKind.MLX).toString(),
                "TASK_ORCHESTRATOR_FALLBACK",
                "none",
                "HF_ENDPOINT",
                url,
                "HF_HOME",
                temp.resolve("hf").toString());
    }

    private Path home() throws IOException {
        return Files.createDirectories(temp.resolve("home"));
    }

    private Path cache() throws IOException {
        return Files.createDirectories(temp.resolve("hf").resolve("hub"));
    }

    /** Bytes of the one file that is on its way, or -1. */
    private long partial() throws IOException {
        return files(cache()).stream()
                .filter(file -> file.toString().endsWith(".incomplete"))
                .mapToLong(file -> file.toFile().length())
                .findFirst()
                .orElse(-1);
    }

    private static long bytesIn(Path folder) throws IOException {
        return files(folder).stream().mapToLong(file -> file.toFile().length()).sum();
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    private JsonNode requests() throws IOException {
        try (InputStream log = URI.create(url + "/log").toURL().openStream()) {
            return new JsonMapper().readTree(log);
        }
    }

    /** The ranges of the requests for the weights. */
    private List<String> ranges() throws IOException {
        return StreamSupport.stream(requests().spliterator(), false)
                .filter(request -> request.path("method").asText().equals("GET")
                        && request.path("path").asText().endsWith(WEIGHTS))
                .map(request -> request.path("range").asText())
                .toList();
    }
}
