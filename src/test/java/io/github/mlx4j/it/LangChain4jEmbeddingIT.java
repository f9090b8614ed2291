package io.github.mlx4j.it;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import io.github.mlx4j.port.ProviderKind;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;

/** LangChain4j's own suite for embedding models, over the mlx worker; docs/langchain4j.md says what is off. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jEmbeddingIT extends AbstractEmbeddingModelIT {

    private final ProviderFactory providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL);
    private final ProviderFactory failing =
            Fixture.factory(ProviderKind.MLX, Path.of("target", "none").toAbsolutePath());

    @AfterAll
    void close() {
        providers.close();
        failing.close();
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
