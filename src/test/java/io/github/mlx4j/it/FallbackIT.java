package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeroturnaround.exec.ProcessExecutor;

/** Tests real workers that are killed. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FallbackIT {

    private static final Fixture.Known KNOWN = Fixture.known("Why is the sky blue?");

    private static ProviderConfig.Builder mlxThenHf() {
        return Fixture.config(ProviderKind.MLX).fallback(List.of(ProviderKind.HF));
    }

    @Test
    void shouldAnswerThroughMlxAgainWhenItsWorkerIsKilledOnceBeforeTheFirstToken() throws Exception {
        try (ProviderFactory providers = ProviderFactory.create(mlxThenHf().build())) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            providers.warmUp();
            ProcessHandle worker = Fixture.workers(ProviderKind.MLX).get(0);
            new ProcessExecutor("kill", "-STOP", Long.toString(worker.pid()))
                    .exitValueNormal()
                    .execute();
            CompletableFuture<GenerationResult> answer = llm.generateAsync(KNOWN.request());
            worker.destroyForcibly();

            GenerationResult result = answer.get(60, TimeUnit.SECONDS);
            assertThat(result.text()).isEqualTo(KNOWN.text());
            assertThat(result.backend().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(Fixture.workers(ProviderKind.MLX)).hasSize(1).doesNotContain(worker);
            assertThat(Fixture.workers(ProviderKind.HF)).isEmpty();
        }
    }

    @Test
    void shouldAnswerThroughHfWhenTheMlxWorkerDiesAgainAndAgain() throws Exception {
        AtomicBoolean killing = new AtomicBoolean(true);
        AtomicInteger killed = new AtomicInteger();
        Thread killer = new Thread(() -> {
            while (killing.get()) {
                Fixture.workers(ProviderKind.MLX).forEach(worker -> {
                    if (worker.destroyForcibly()) {
                        killed.incrementAndGet();
                        worker.onExit().join();
                    }
                });
                Thread.onSpinWait();
            }
        });
        try (ProviderFactory providers = ProviderFactory.create(mlxThenHf().build())) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            killer.start();
            for (int request = 0; request < 4; request++) {
                GenerationResult result = llm.generate(KNOWN.request());
                assertThat(result.text()).isEqualTo(KNOWN.text());
                assertThat(result.backend().provider()).isEqualTo(ProviderKind.HF);
            }
            assertThat(killed.get()).as("starts, bounded by the restart budget").isBetween(1, 4);
        } finally {
            killing.set(false);
            killer.join();
        }
    }

    @Test
    void shouldAnswerThroughHfWhenMlxIsNotAvailable() {
        ProviderConfig config =
                mlxThenHf().interpreter(ProviderKind.MLX, "/nonexistent/python").build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            GenerationResult result = providers.createTextGenerationAdapter().generate(KNOWN.request());
            assertThat(result.text()).isEqualTo(KNOWN.text());
            assertThat(result.backend().provider()).isEqualTo(ProviderKind.HF);
        }
    }

    @Test
    void shouldTellTheCallerWhenTheWorkerDiesAfterTheFirstToken() {
        try (ProviderFactory providers = ProviderFactory.create(mlxThenHf().build())) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            StringBuilder seen = new StringBuilder();
            try (GenerationStream stream = llm.stream(GenerationRequest.chat(Fixture.STORY))) {
                assertThatThrownBy(() -> {
                            for (GenerationEvent event : stream) {
                                if (event instanceof GenerationEvent.Text text) {
                                    seen.append(text.text());
                                    Fixture.workers(ProviderKind.MLX).forEach(ProcessHandle::destroyForcibly);
                                }
                            }
                        })
                        .isInstanceOfSatisfying(
                                WorkerDiedException.class,
                                died -> assertThat(died.exitCode()).isEqualTo(137))
                        .hasMessageContaining("killed");
            }
            assertThat(Fixture.known(Fixture.STORY).text()).startsWith(seen.toString());
            assertThat(seen).isNotEmpty();
            assertThat(llm.generate(KNOWN.request()).backend().provider()).isEqualTo(ProviderKind.MLX);
        }
        await().atMost(5, TimeUnit.SECONDS)
                .untilAsserted(
                        () -> assertThat(Fixture.workers(ProviderKind.MLX)).isEmpty());
    }
}
