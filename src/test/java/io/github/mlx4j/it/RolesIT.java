package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ModelWorker;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.task.Subtask;
import io.github.mlx4j.task.Task;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests two real models for different roles, both at the same time and alternating. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RolesIT {

    private static final Fixture.Known KNOWN = Fixture.known("Who are you?");
    private static final Path OTHER = MadeModels.of("llama");

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldAnswerByTheModelOfTheRoleFromWorkersBesideEachOther(ProviderKind kind) {
        try (ProviderFactory providers = factory(kind, 2)) {
            answersInTurns(providers);

            assertThat(Fixture.workers(kind)).hasSize(2);
            assertThat(providers.workers())
                    .extracting(ModelWorker::status)
                    .allSatisfy(status -> assertThat(status.state()).isEqualTo(WorkerStatus.State.READY));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldAnswerByTheModelOfTheRoleInTurnsWhenThereMayBeOneWorkerOnly(ProviderKind kind) {
        try (ProviderFactory providers = factory(kind, 1)) {
            answersInTurns(providers);
            answersInTurns(providers);

            assertThat(Fixture.workers(kind)).hasSize(1);
            await().untilAsserted(() -> assertThat(providers.workers())
                    .allSatisfy(
                            worker -> { // ready, then written down
                                assertThat(worker.status().failures()).isZero();
                                assertThat(worker.status().history())
                                        .filteredOn(event -> event.name().equals("ready"))
                                        .hasSize(2);
                            }));
        }
    }

    @Test
    void shouldLoseNoRequestWhenTwoRolesAskAtOnceAndThereMayBeOneWorkerOnly() {
        try (ProviderFactory providers = factory(ProviderKind.MLX, 1)) {
            List<CompletableFuture<Void>> callers = Stream.of(
                            ModelRole.GENERAL, ModelRole.DECOMPOSER, ModelRole.GENERAL, ModelRole.DECOMPOSER)
                    .map(role -> CompletableFuture.runAsync(
                            () -> {
                                for (int round = 0; round < 3; round++) {
                                    assertThat(ask(providers, role).backend().model())
                                            .isEqualTo(model(role).toString());
                                }
                            },
                            work -> new Thread(work).start()))
                    .toList();

            assertThat(callers).allSatisfy(caller -> assertThat(caller).succeedsWithin(4, TimeUnit.MINUTES));
            assertThat(providers.workers())
                    .allSatisfy(worker -> assertThat(worker.status().failures()).isZero());
        }
    }

    @Test
    void shouldSplitATaskByTheModelOfTheDecomposer() {
        try (ProviderFactory providers = ProviderFactory.create(Fixture.config(ProviderKind.MLX)
                .model(ProviderKind.MLX, OTHER.toString())
                .model(ProviderKind.MLX, ModelRole.DECOMPOSER, Fixture.MODEL.toString())
                .build())) {
            List<Subtask> subtasks = providers.createTaskDecompositionAdapter().decompose(new Task("Paint the shed"));

            assertThat(subtasks).hasSizeBetween(3, 5);
            assertThat(providers.workers())
                    .singleElement()
                    .satisfies(worker -> assertThat(worker.model()).isEqualTo(Fixture.MODEL.toString()));
        }
    }

    @Test
    void shouldSayWithFiguresThatTheModelOfARoleIsTooLarge() {
        ProviderConfig config = Fixture.config(ProviderKind.MLX)
                .model(ProviderKind.MLX, OTHER.toString())
                .model(ProviderKind.MLX, ModelRole.DECOMPOSER, Fixture.MODEL.toString())
                .workers(WorkerConfig.builder()
                        .model(LoadConfig.builder().memoryLimitBytes(1_000_000L).build())
                        .build())
                .build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                    .isThrownBy(() -> ask(providers, ModelRole.DECOMPOSER))
                    .withMessageContaining("The weights of " + Fixture.MODEL + " take 7.3 MB, but ")
                    .withMessageContaining("use a smaller or quantized model");
        }
    }

    private static void answersInTurns(ProviderFactory providers) {
        GenerationResult plain = ask(providers, ModelRole.GENERAL);
        assertThat(plain.text()).isEqualTo(KNOWN.text());
        assertThat(plain.backend().model()).isEqualTo(Fixture.MODEL.toString());

        assertThat(ask(providers, ModelRole.DECOMPOSER).backend().model()).isEqualTo(OTHER.toString());
    }

    private static GenerationResult ask(ProviderFactory providers, ModelRole role) {
        GenerationRequest request = role == ModelRole.GENERAL
                ? KNOWN.request()
                : GenerationRequest.tokens(1, 2, 3).toBuilder().maxTokens(4).build();
        return providers.createTextGenerationAdapterForRole(role).generate(request);
    }

    private static Path model(ModelRole role) {
        return role == ModelRole.GENERAL ? Fixture.MODEL : OTHER;
    }

    private static ProviderFactory factory(ProviderKind kind, int maxWorkers) {
        return ProviderFactory.create(Fixture.config(kind)
                .model(kind, ModelRole.DECOMPOSER, OTHER.toString())
                .pool(WorkerPoolConfig.builder().maxWorkers(maxWorkers).build())
                .build());
    }
}
