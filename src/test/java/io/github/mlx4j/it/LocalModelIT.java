package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.LoadReport;
import io.github.mlx4j.LocalModel;
import io.github.mlx4j.ModelConfig;
import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests loading one model with the real workers, and the recorded attempts. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LocalModelIT {

    private static final Fixture.Known KNOWN = Fixture.known("Why is the sky blue?");

    @Test
    void shouldLoadThroughMlxFirst() {
        try (LocalModel model = new LocalModel(config(Fixture.MODEL).build())) {
            LoadReport report = model.loadOrThrow();

            assertThat(report.backend().provider()).isEqualTo(ProviderKind.MLX);
            assertThat(report.attempts()).extracting(LoadAttempt::provider).containsExactly("mlx");
            assertAnswers(model, ProviderKind.MLX);
        }
        assertThat(Fixture.workers(ProviderKind.MLX)).isEmpty();
    }

    @Test
    void shouldLoadThroughTransformersWhenMlxIsNotWanted() {
        try (LocalModel model =
                new LocalModel(config(Fixture.MODEL).useMlx(false).build())) {
            assertThat(model.load()).isTrue();

            assertAnswers(model, ProviderKind.HF);
            assertThat(Fixture.workers(ProviderKind.MLX)).isEmpty();
        }
    }

    @Test
    void shouldLoadThroughTransformersWhenTheModelOfMlxIsBroken(@TempDir Path broken) throws Exception {
        Files.copy(Fixture.MODEL.resolve("config.json"), broken.resolve("config.json"));
        try (LocalModel model = new LocalModel(
                config(Fixture.MODEL).mlxModelPath(broken.toString()).build())) {
            LoadReport report = model.loadOrThrow();

            assertThat(report.attempts())
                    .extracting(LoadAttempt::outcome)
                    .containsExactly(LoadAttempt.Outcome.FAILED, LoadAttempt.Outcome.LOADED);
            assertThat(report.attempts().get(0).message()).contains(broken.toString());
            assertAnswers(model, ProviderKind.HF);
            assertThat(Fixture.workers(ProviderKind.MLX)).isEmpty();
        }
    }

    @Test
    void shouldListBothAttemptsWhenTheModelIsBroken(@TempDir Path broken) throws Exception {
        Files.copy(Fixture.MODEL.resolve("config.json"), broken.resolve("config.json"));
        try (LocalModel model = new LocalModel(config(broken).build())) {
            assertThatExceptionOfType(NoBackendLoadedException.class)
                    .isThrownBy(model::loadOrThrow)
                    .withMessageContaining("\n- mlx: failed after ")
                    .withMessageContaining("\n- hf: failed after ");
            assertThat(model.load()).isFalse();
        }
    }

    private static void assertAnswers(LocalModel model, ProviderKind kind) {
        assertThat(model.backend())
                .hasValueSatisfying(backend -> assertThat(backend.provider()).isEqualTo(kind));
        assertThat(model.text().generate(KNOWN.request()).text()).isEqualTo(KNOWN.text());
        assertThat(model.embed("sky")).hasSizeGreaterThan(1);
        assertThat(model.tokenizer().countTokens("sky")).isPositive();
    }

    private static ModelConfig.Builder config(Path model) {
        return ModelConfig.builder(
                model.toString(), Fixture.config(ProviderKind.MLX).build());
    }
}
