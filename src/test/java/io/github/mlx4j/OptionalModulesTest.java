package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.metrics.Mlx4jMetrics;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.RemoteConfig;
import io.github.mlx4j.remote.RemoteProvider;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs a program with only the required dependencies of mlx4j. */
@Timeout(60)
class OptionalModulesTest {

    /** The jars that a program gets with mlx4j; nothing else is on the class path. */
    private static final List<String> JARS = List.of(
            "zt-exec",
            "jackson-databind",
            "jackson-annotations",
            "jackson-core",
            "resilience4j-circuitbreaker",
            "resilience4j-core",
            "slf4j-api",
            "jspecify");

    @TempDir
    private Path folder;

    @Test
    void shouldAnswerByAWorkerWhenNoOptionalJarIsThere() throws Exception {
        String python = StubPython.withFakeWorker(folder.resolve("stub")).toString();

        assertThat(run(Map.of(
                        "TASK_ORCHESTRATOR_PROVIDER",
                        "mlx",
                        "MLX4J_MLX_PYTHON",
                        python,
                        "MLX4J_ALLOW_ANY_PLATFORM",
                        "true")))
                .isEqualTo("Hi");
    }

    @Test
    void shouldMeasureWithMicrometerAloneAndWithoutSpring() throws Exception {
        String python = StubPython.withFakeWorker(folder.resolve("stub")).toString();
        Map<String, String> settings = Map.of(
                "TASK_ORCHESTRATOR_PROVIDER", "mlx", "MLX4J_MLX_PYTHON", python, "MLX4J_ALLOW_ANY_PLATFORM", "true");

        assertThat(run(settings, Measures.class, List.of("micrometer-core", "micrometer-commons")))
                .isEqualTo("1 answer");
    }

    @ParameterizedTest
    @CsvSource({"openai, langchain4j-open-ai", "anthropic, langchain4j-anthropic", "ollama, langchain4j-ollama"})
    void shouldNameTheModuleToAddWhenItIsNotThere(String provider, String module) throws Exception {
        String said = run(Map.of(
                "TASK_ORCHESTRATOR_PROVIDER", provider,
                "ANTHROPIC_MODEL", "a",
                "OPENAI_API_KEY", "sk-secret",
                "ANTHROPIC_API_KEY", "sk-secret"));

        assertThat(said)
                .startsWith(provider.toUpperCase(Locale.ROOT) + "_NOT_AVAILABLE: " + provider
                        + " requires a LangChain4j module that is not on the class path. What to do: Add"
                        + " dev.langchain4j:" + module + ":");
        assertThat(said).doesNotContain("secret");
    }

    @Test
    void shouldPassOverOllamaWhenItsModuleIsNotThere() throws Exception {
        String nowhere = folder.resolve("nowhere").toString();

        assertThat(run(Map.of("MLX4J_MLX_PYTHON", nowhere, "MLX4J_HF_PYTHON", nowhere)))
                .startsWith("NO_PROVIDER_AVAILABLE: ")
                .contains("- ollama: ollama requires a LangChain4j module")
                .contains("(MODULE_MISSING)");
    }

    @Test
    void shouldNameTheVersionThatItWasMadeWith() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        for (ProviderKind kind : List.of(ProviderKind.OLLAMA, ProviderKind.OPENAI, ProviderKind.ANTHROPIC)) {
            String[] module =
                    new RemoteProvider(kind, RemoteConfig.DEFAULT).module().split(":");
            String property = kind == ProviderKind.OLLAMA ? "langchain4j-ollama.version" : "langchain4j.version";

            assertThat(pom)
                    .contains("<" + property + ">" + module[2] + "</" + property + ">")
                    .contains("<artifactId>" + module[1] + "</artifactId>\n      <version>${" + property
                            + "}</version>\n" + "      <optional>true</optional>");
        }
    }

    /** What one of the programs below says, in a JVM of its own. */
    private String run(Map<String, String> settings) throws IOException, InterruptedException {
        return run(settings, SaysHi.class, List.of());
    }

    private String run(Map<String, String> settings, Class<?> program, List<String> more)
            throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command(settings, program, more))
                .redirectError(folder.resolve("err").toFile())
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as(Files.readString(folder.resolve("err")))
                .isZero();
        return said;
    }

    private static List<String> command(Map<String, String> settings, Class<?> program, List<String> more) {
        String whole = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        String classes = Arrays.stream(whole.split(File.pathSeparator))
                .filter(entry -> Files.isDirectory(Path.of(entry)) || isNeeded(Path.of(entry), more))
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = JavaCommand.of("-cp", classes);
        settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
        command.add(program.getName());
        return command;
    }

    private static boolean isNeeded(Path jar, List<String> more) {
        String name = jar.getFileName().toString();
        return Stream.concat(JARS.stream(), more.stream()).anyMatch(needed -> name.matches(needed + "-\\d.*\\.jar"));
    }

    /** Prints how many answers were measured. */
    static final class Measures {
        public static void main(String[] args) throws InterruptedException {
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            ProviderConfig config = ProviderConfig.fromEnv().toBuilder()
                    .listener(new Mlx4jMetrics(registry))
                    .build();
            try (ProviderFactory providers = ProviderFactory.create(config)) {
                providers.createTextGenerationAdapter().generate("Hi");
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
                while (registry.find("gen_ai.client.operation.duration").timer() == null
                        && end - System.nanoTime() > 0) {
                    Thread.sleep(10); // the meters are updated on the listener's own thread
                }
                System.out.print(
                        registry.get("gen_ai.client.operation.duration").timer().count() + " answer");
            }
        }
    }

    /** Prints the answer, or the error. */
    static final class SaysHi {
        public static void main(String[] args) {
            try (ProviderFactory providers = ProviderFactory.fromEnv()) {
                System.out.print(providers
                        .createTextGenerationAdapter()
                        .generate(GenerationRequest.chat("Hi"))
                        .text());
            } catch (Mlx4jException error) {
                System.out.print(error.code() + ": " + error.getMessage());
            }
        }
    }
}
