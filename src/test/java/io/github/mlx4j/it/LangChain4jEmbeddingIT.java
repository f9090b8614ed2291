package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs LangChain4j's own test suite for embedding models with the mlx worker; docs/langchain4j.md lists the disabled
 * tests.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jEmbeddingIT extends AbstractEmbeddingModelIT {

    private static final String MODULES = """
            [{"type": "sentence_transformers.models.Transformer", "path": ""},
             {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
             {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}]""";

    private final ProviderFactory providers;
    private final ProviderFactory failing =
            Fixture.factory(ProviderKind.MLX, Path.of("target", "none").toAbsolutePath());

    LangChain4jEmbeddingIT(@TempDir Path folder) throws IOException {
        describe(folder);
        providers = Fixture.factory(ProviderKind.MLX, folder);
    }

    /** Makes the small model one for embeddings. */
    private static void describe(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(Fixture.MODEL)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("modules.json"), MODULES);
        Files.createDirectory(folder.resolve("1_Pooling"));
        Files.writeString(folder.resolve("1_Pooling/config.json"), "{\"pooling_mode\": \"lasttoken\"}");
        Files.writeString(
                folder.resolve("config_sentence_transformers.json"),
                "{\"prompts\": {\"query\": \"Find what answers this: \"}}");
    }

    @AfterAll
    void close() {
        providers.close();
        failing.close();
    }

    @Test
    void shouldReportThePoolingOfTheFolder() {
        assertThat(providers.createAnalysisAdapter().details().embeddings())
                .map(EmbeddingDetails::summary)
                .hasValue("lasttoken, normalize");
        assertThat(providers.createEmbeddingAdapter().embed("sky", "query"))
                .containsExactly(providers.createEmbeddingAdapter().embed("Find what answers this: sky"), within((float)
                        Tolerance.of(1e-5)));
    }

    @Override
    protected List<EmbeddingModel> models() {
        return List.of(model(providers, List.of()));
    }

    @Override
    protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
        return model(providers, List.of(listener));
    }

    @Override
    protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
        return model(failing, List.of(listener));
    }

    private static EmbeddingModel model(ProviderFactory providers, List<EmbeddingModelListener> listeners) {
        return Mlx4jEmbeddingModel.builder(providers.createEmbeddingAdapter())
                .modelName("tiny-chat")
                .listeners(listeners)
                .build();
    }

    @Override
    protected boolean supportsDimensionsParameter() {
        return false;
    }

    @Override
    protected boolean supportsImageInput() {
        return false;
    }

    @Override
    protected boolean assertTokenUsage() {
        return false;
    }
}
