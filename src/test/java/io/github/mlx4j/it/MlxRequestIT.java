package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests requests to the mlx worker, and the modes that only mlx has. */
class MlxRequestIT extends RequestContract {

    MlxRequestIT() {
        super(ProviderKind.MLX);
    }

    @Test
    void shouldDecodeTheSameWithADraftModel() {
        MlxConfig drafted =
                Fixture.MLX.toBuilder().draftModel(Fixture.MODEL.toString()).build();
        try (ProviderFactory factory =
                factory(Fixture.WORKERS.toBuilder().mlx(drafted).build())) {
            TextGenerationPort port = factory.createTextGenerationAdapter();
            Fixture.Known story = Fixture.known(Fixture.STORY);
            GenerationResult result = port.generate(story.request());
            assertThat(result.tokens()).isEqualTo(story.tokens());
            assertThat(result.usage().draftedTokens())
                    .isGreaterThan(story.tokens().size() / 2);
            assertThatThrownBy(() -> port.generate(GenerationRequest.builder()
                            .user("Hm?")
                            .responseFormat(ResponseFormat.json())
                            .build()))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("responseFormat")
                    .hasMessageContaining("MLX_DRAFT_MODEL");
        }
    }

    @Test
    void shouldRunWithAQuantizedAndWithABoundedCache() {
        for (MlxConfig options : List.of(
                Fixture.MLX.toBuilder().kvBits(8).build(),
                Fixture.MLX.toBuilder().kvTokens(256).build())) {
            try (ProviderFactory factory =
                    factory(Fixture.WORKERS.toBuilder().mlx(options).build())) {
                Fixture.Known months = Fixture.known("List the months");
                GenerationResult result = factory.createTextGenerationAdapter().generate(months.request());
                assertThat(result.text()).isEqualTo(months.text());
            }
        }
    }

    @Test
    void shouldRefuseOptionsThatCannotBeHonoured() {
        for (MlxConfig options : List.of(
                Fixture.MLX.toBuilder().kvBits(8).kvTokens(256).build(),
                Fixture.MLX.toBuilder()
                        .kvBits(8)
                        .draftModel(Fixture.MODEL.toString())
                        .build())) {
            assertRefused(Fixture.WORKERS.toBuilder().mlx(options).build());
        }
        assertRefused(Fixture.WORKERS.toBuilder()
                .model(LoadConfig.builder().adapter(Path.of("/no/such/adapter")).build())
                .build());
    }

    private static void assertRefused(WorkerConfig options) {
        try (ProviderFactory factory = factory(options)) {
            assertThatThrownBy(() -> factory.createTextGenerationAdapter().generate("Who are you?"))
                    .isInstanceOf(Mlx4jException.class)
                    .hasMessageMatching("(?s).*(kvTokens|kvBits|/no/such/adapter).*");
        }
    }

    private static ProviderFactory factory(WorkerConfig options) {
        return ProviderFactory.create(
                Fixture.config(ProviderKind.MLX).workers(options).build());
    }
}
