package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.adapter.Adapters;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests real workers that try to open a socket and to write into the home folder, directly and in a child process. They
 * exit with {@link #ESCAPED} if any attempt succeeds. All attempts must fail, and the workers must answer as usual.
 */
@EnabledOnOs(OS.LINUX)
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SandboxIT {

    private static final int ESCAPED = 99;
    private static final Fixture.Known KNOWN = Fixture.known("Who are you?");
    private static final WorkerStatus.Sandbox HELD = new WorkerStatus.Sandbox("landlock", "seccomp", List.of());
    private static final String TRIES = """
            import os, socket, subprocess, sys

            TARGET = os.path.expanduser("~/mlx4j-escaped-%d" % os.getpid())

            def works(action):
                try:
                    action()
                    return True
                except OSError:
                    return False

            CODE = "import socket; socket.socket()"

            def escape():
                done = [
                    works(lambda: socket.socket(socket.AF_INET)),
                    works(lambda: socket.socket(socket.AF_UNIX)),
                    works(lambda: open(TARGET, "w")),
                    subprocess.run([sys.executable, "-I", "-c", CODE], stderr=subprocess.DEVNULL).returncode == 0,
                    subprocess.run(["cp", "/dev/null", TARGET], stderr=subprocess.DEVNULL).returncode == 0,
                ]
                if os.path.exists(TARGET):
                    os.unlink(TARGET)
                if any(done):
                    os._exit(99)
            """;

    @TempDir
    private Path temp;

    @Test
    void shouldKeepAnMlxWorkerFromNetworkAndHome() {
        try (MlxSubprocessAdapter adapter = mlx(SandboxMode.REQUIRE)) {
            assertThat(adapter.generate(KNOWN.request()).text()).isEqualTo(KNOWN.text());
            assertThat(adapter.status().sandbox()).contains(HELD);
        }
    }

    @Test
    void shouldLetAnMlxWorkerEscapeWhenSwitchedOff() {
        try (MlxSubprocessAdapter adapter = mlx(SandboxMode.OFF)) {
            assertThatThrownBy(() -> adapter.generate(KNOWN.request()))
                    .isInstanceOfSatisfying(
                            WorkerDiedException.class,
                            died -> assertThat(died.exitCode()).isEqualTo(ESCAPED));
        }
    }

    @Test
    void shouldKeepTheCodeOfAModelFromNetworkAndHome() throws IOException {
        try (ProviderFactory providers = hf(SandboxMode.REQUIRE)) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate(KNOWN.request())
                            .text())
                    .isEqualTo(KNOWN.text());
            assertThat(providers.workers().get(0).status().sandbox()).contains(HELD);
        }
    }

    @Test
    void shouldLetTheCodeOfAModelEscapeWhenSwitchedOff() throws IOException {
        try (ProviderFactory providers = hf(SandboxMode.OFF)) {
            assertThatThrownBy(() -> providers.createTextGenerationAdapter().generate(KNOWN.request()))
                    .isInstanceOfSatisfying(
                            WorkerDiedException.class,
                            died -> assertThat(died.exitCode()).isEqualTo(ESCAPED));
        }
    }

    /** The real worker, whose threads all try before it loads its model. */
    private MlxSubprocessAdapter mlx(SandboxMode mode) {
        WorkerScripts scripts = folder -> Files.writeString(
                folder.resolve("mlx_worker.py"),
                TRIES + """
                import runpy

                sys.path.insert(0, '%1$s')
                from mlx4j_worker import dispatch

                def tries(method):
                    def tried(self, *arguments):
                        escape()
                        return method(self, *arguments)
                    return tried

                dispatch.Worker._initialize = tries(dispatch.Worker._initialize)
                dispatch.Worker._receive = tries(dispatch.Worker._receive)  # on the reader's thread
                runpy.run_path('%1$s/mlx_worker.py', run_name='__main__')
                """.formatted(Path.of("python").toAbsolutePath()));
        Availability ready = new Availability.Ready(Fixture.python(ProviderKind.MLX), "3", Map.of());
        WorkerConfig options = WorkerConfig.builder().sandbox(mode).build();
        return Adapters.mlx(Fixture.MODEL.toString(), () -> ready, scripts, RestartBudget.standard(), options);
    }

    /** The real worker with a model that has code of its own, which is trusted. */
    private ProviderFactory hf(SandboxMode mode) throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        try (Stream<Path> files = Files.list(Fixture.MODEL)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Files.writeString(model.resolve("trying.py"), TRIES + """

                from transformers import LlamaConfig, LlamaForCausalLM

                class TryingConfig(LlamaConfig):
                    model_type = "trying"

                class Trying(LlamaForCausalLM):
                    config_class = TryingConfig

                escape()
                """);
        JsonMapper json = new JsonMapper();
        ObjectNode config =
                (ObjectNode) json.readTree(model.resolve("config.json").toFile());
        config.put("model_type", "trying");
        config.putObject("auto_map")
                .put("AutoConfig", "trying.TryingConfig")
                .put("AutoModelForCausalLM", "trying.Trying");
        json.writeValue(model.resolve("config.json").toFile(), config);
        LoadConfig trusting = LoadConfig.builder().trustRemoteCode(true).build();
        return ProviderFactory.create(Fixture.config(ProviderKind.HF)
                .model(ProviderKind.HF, model.toString())
                .workers(Fixture.WORKERS.toBuilder()
                        .model(trusting)
                        .sandbox(mode)
                        .build())
                .build());
    }
}
