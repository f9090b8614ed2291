package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.WorkerTraces;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.TrainingSession;
import io.github.mlx4j.training.TrainingStep;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests a model that is distributed over several processes, through the public API. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class RanksIT {

    private static final Path DATA = Path.of("src", "test", "resources", "training", "train.jsonl");

    @Test
    void shouldAnswerAsOneProcessDoesAndStartAgainWhenARankWasKilled() {
        Fixture.Known story = Fixture.known(Fixture.STORY);
        try (ProviderFactory factory = ProviderFactory.create(config(MadeModels.ofMlx("divisible"), 2))) {
            TextGenerationPort port = factory.createTextGenerationAdapter();
            assertThat(port.generate(story.request()).tokens()).isEqualTo(story.tokens());

            ProcessHandle worker = Fixture.workers(ProviderKind.MLX).get(0);
            Path folder = Fixture.folder(worker);
            List<ProcessHandle> family =
                    Stream.concat(Stream.of(worker), worker.descendants()).toList();
            ProcessHandle rank = family.stream()
                    .filter(one -> one.descendants().findAny().isPresent() && !one.equals(worker))
                    .findFirst()
                    .orElseThrow();
            assertThatExceptionOfType(WorkerDiedException.class)
                    .isThrownBy(() -> {
                        try (GenerationStream stream = port.stream(endless())) {
                            for (GenerationEvent event : stream) {
                                rank.destroyForcibly();
                            }
                        }
                    })
                    .withMessageContaining("exit code 71: one of its ranks was lost")
                    .withMessageContaining("Rank 1 of 2 failed: It ended with exit code -9.");
            await().until(() -> family.stream().noneMatch(ProcessHandle::isAlive));
            WorkerTraces.awaitGone(folder);

            assertThat(port.generate(story.request()).tokens()).isEqualTo(story.tokens());
        }
    }

    @Test
    void shouldRefuseAModelThatTheRanksDoNotDivide() {
        try (ProviderFactory factory = ProviderFactory.create(config(Fixture.MODEL, 2))) {
            TextGenerationPort port = factory.createTextGenerationAdapter();

            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> port.generate("Who are you?"))
                    .withMessageContaining("over 2 ranks: its num_key_value_heads is 3");
            await().until(() -> Fixture.workers(ProviderKind.MLX).isEmpty());
        }
    }

    @Test
    void shouldTrainAsOneProcessDoes() {
        List<Double> one = losses(Fixture.config(ProviderKind.MLX).build());
        List<Double> two = losses(config(Fixture.MODEL, 2));

        for (int step = 0; step < one.size(); step++) {
            assertThat(two.get(step)).isCloseTo(one.get(step), within(Tolerance.of(1e-4)));
        }
    }

    @Test
    void shouldNotTrainOnOneProcessWhenSeveralAreAskedFor() {
        assertThatExceptionOfType(NoBackendLoadedException.class)
                .isThrownBy(() -> TrainingSession.open(
                        config(Fixture.MODEL, 2), Fixture.MODEL.toString(), training(), ProviderKind.HF))
                .withMessageContaining("ranks can't be used with the hf worker");
    }

    private static List<Double> losses(ProviderConfig providers) {
        try (TrainingSession session = TrainingSession.open(providers, Fixture.MODEL.toString(), training())) {
            return Stream.generate(session::trainStep)
                    .limit(3)
                    .map(TrainingStep::loss)
                    .toList();
        }
    }

    private static TrainingConfig training() {
        return TrainingConfig.builder(TrainingMethod.LORA)
                .trainData(DATA)
                .learningRate(2e-3)
                .build();
    }

    private static ProviderConfig config(Path model, int ranks) {
        return Fixture.config(ProviderKind.MLX)
                .model(ProviderKind.MLX, model.toString())
                .workers(Fixture.WORKERS.toBuilder()
                        .mlx(Fixture.MLX.toBuilder().ranks(ranks).build())
                        .build())
                .build();
    }

    private static GenerationRequest endless() {
        return GenerationRequest.builder()
                .user(Fixture.STORY)
                .maxTokens(3000)
                .logitBias(Map.of(2, -100.0))
                .build();
    }
}
