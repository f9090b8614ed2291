package io.github.mlx4j.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.port.EmbeddingPort;
import java.util.ArrayList;
import java.util.List;

/**
 * Vectors of texts as an {@link EmbeddingModel} of LangChain4j. They are as the port makes them, which the workers'
 * does not normalize; the tokens that they took are not told. Thread-safe; closing what the port came from is its
 * owner's job.
 */
public final class Mlx4jEmbeddingModel implements EmbeddingModel {

    /** The most texts that a port takes at once. */
    private static final int BATCH = 4096;

    private final EmbeddingPort port;
    private final String modelName;
    private final List<EmbeddingModelListener> listeners;

    private Mlx4jEmbeddingModel(Builder builder) {
        port = builder.port;
        modelName = builder.modelName;
        listeners = builder.listeners;
    }

    /** A builder of a model over a port. */
    public static Builder builder(EmbeddingPort port) {
        return new Builder(port);
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        List<String> texts = request.inputs().stream().map(EmbeddingInput::text).toList();
        List<Embedding> vectors = new ArrayList<>();
        try {
            for (int i = 0; i < texts.size(); i += BATCH) {
                port.embed(texts.subList(i, Math.min(texts.size(), i + BATCH)))
                        .forEach(vector -> vectors.add(Embedding.from(vector)));
            }
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
        return EmbeddingResponse.builder()
                .embeddings(vectors)
                .metadata(
                        EmbeddingResponseMetadata.builder().modelName(modelName).build())
                .build();
    }

    @Override
    public String modelName() {
        return modelName;
    }

    @Override
    public List<EmbeddingModelListener> listeners() {
        return listeners;
    }

    /** Builds a {@link Mlx4jEmbeddingModel}. Not thread-safe. */
    public static final class Builder {
        private final EmbeddingPort port;
        private String modelName = "unknown";
        private List<EmbeddingModelListener> listeners = List.of();

        private Builder(EmbeddingPort port) {
            this.port = port;
        }

        /** Sets the name under which listeners and answers know the model; a port has none. */
        public Builder modelName(String modelName) {
            this.modelName = modelName;
            return this;
        }

        /** Sets who hears of every request, its answer and its failure. */
        public Builder listeners(List<EmbeddingModelListener> listeners) {
            this.listeners = List.copyOf(listeners);
            return this;
        }

        /** Builds the model. */
        public Mlx4jEmbeddingModel build() {
            return new Mlx4jEmbeddingModel(this);
        }
    }
}
