package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.adapter.Adapters;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests real mlx workers whose device fails in the way that MLX reports it on a Mac:
 * {@code python/engine_tests/failing_device.py}.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class DeviceFaultIT {

    private static final String HANG = "[METAL] Command buffer execution failed: Caused GPU Hang Error.";
    private static final String NO_MEMORY = "[METAL] Command buffer execution failed: Insufficient Memory.";
    private static final Fixture.Known KNOWN = Fixture.known("Why is the sky blue?");
    private static final GenerationRequest LONG =
            GenerationRequest.raw("The lighthouse keeper counted the ships. ".repeat(40));

    @TempDir
    Path folder;

    private MlxSubprocessAdapter adapter;

    @AfterEach
    void close() {
        adapter.close();
        assertThat(Fixture.workers(ProviderKind.MLX)).isEmpty();
    }

    @Test
    void shouldAnswerWithTheRestartedWorkerWhatHadNoChunkAndFailWhatHadOne() {
        adapter = failing("join", HANG, "'%s'".formatted(folder.resolve("once")));
        CompletableFuture<GenerationResult> joining = new CompletableFuture<>();
        assertThatThrownBy(() -> storyBeside(joining))
                .isInstanceOfSatisfying(
                        WorkerDiedException.class,
                        died -> assertThat(died.exitCode()).isEqualTo(70))
                .hasMessageContaining(HANG);
        assertThat(joining.join().tokens()).isEqualTo(KNOWN.tokens());
        assertThat(adapter.status().failures()).isEqualTo(1);
    }

    @Test
    void shouldTellAStartedAnswerThatTheDeviceHadNoMemoryLeft() {
        adapter = failing("join", NO_MEMORY, "'%s'".formatted(folder.resolve("once")));
        CompletableFuture<GenerationResult> joining = new CompletableFuture<>();
        assertThatThrownBy(() -> storyBeside(joining)).isInstanceOf(WorkerOutOfMemoryException.class);
        assertThat(joining.join().tokens()).isEqualTo(KNOWN.tokens());
    }

    @Test
    void shouldNotRestartAWorkerAgainForARequestThatExhaustsTheDevice() {
        adapter = failing("prefill", NO_MEMORY, "None");
        assertThatThrownBy(() -> adapter.generate(LONG)).isInstanceOf(WorkerOutOfMemoryException.class);
        assertThat(adapter.generate(KNOWN.request()).tokens()).isEqualTo(KNOWN.tokens());
        assertThat(adapter.status().failures()).isEqualTo(1);
    }

    @Test
    void shouldSendARequestThatAlwaysFailsTheDeviceOnceMoreAndNoOftener() {
        adapter = failing("prefill", HANG, "None");
        assertThatThrownBy(() -> adapter.generate(LONG)).isInstanceOf(WorkerDiedException.class);
        assertThat(adapter.status().failures()).isEqualTo(2);
        assertThat(adapter.generate(KNOWN.request()).tokens()).isEqualTo(KNOWN.tokens());
    }

    /** Streams a story, which another request joins at its first piece; throws what ends it. */
    private void storyBeside(CompletableFuture<GenerationResult> joining) {
        boolean joined = false;
        try (GenerationStream stream = adapter.stream(GenerationRequest.chat(Fixture.STORY))) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text && !joined) {
                    joined = true;
                    adapter.generateAsync(KNOWN.request()).whenComplete((result, error) -> {
                        if (error == null) {
                            joining.complete(result);
                        } else {
                            joining.completeExceptionally(error);
                        }
                    });
                }
            }
        }
    }

    private MlxSubprocessAdapter failing(String where, String text, String once) {
        WorkerScripts scripts = privateFolder -> Files.writeString(
                folder.resolve("mlx_worker.py"), """
                import sys

                sys.path.insert(0, '%s')
                from engine_tests.failing_device import main

                main('%s', '%s', %s)
                """.formatted(Path.of("python").toAbsolutePath(), where, text, once));
        Availability ready = new Availability.Ready(Fixture.python(ProviderKind.MLX), "3", Map.of());
        WorkerConfig writesAFile =
                WorkerConfig.builder().sandbox(SandboxMode.OFF).build();
        return Adapters.mlx(Fixture.MODEL.toString(), () -> ready, scripts, RestartBudget.standard(), writesAFile);
    }
}
