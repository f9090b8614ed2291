package io.github.mlx4j.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.port.EmbeddingPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Computes embeddings as a LangChain4j {@link EmbeddingModel}. The input type of a request selects the model's prompt,
 * {@code query} or {@code document}; this requires a port that supports prompts. Token usage is not reported.
 * Thread-safe. The model does not close its port: close the object that created the port yourself.
 */
public final class Mlx4jEmbeddingModel implements EmbeddingModel {

    /** The maximum number of texts that a port accepts in one call. */
    private static final int BATCH = 4096;

    private final EmbeddingPort port;
    private final String modelName;
    private final @Nullable String promptName;
    private final List<EmbeddingModelListener> listeners;

    private Mlx4jEmbeddingModel(Builder builder) {
        port = builder.port;
        modelName = builder.modelName;
        promptName = builder.promptName;
        listeners = builder.listeners;
    }

    /** Returns a builder of a model that uses this port. */
    public static Builder builder(EmbeddingPort port) {
        return new Builder(port);
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        List<String> texts = request.inputs().stream().map(EmbeddingInput::text).toList();
        String prompt = prompt(request.inputType());
        List<Embedding> vectors = new ArrayList<>();
        try {
            for (int i = 0; i < texts.size(); i += BATCH) {
                List<String> part = texts.subList(i, Math.min(texts.size(), i + BATCH));
                (prompt == null ? port.embed(part) : port.embed(part, prompt))
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

    /**
     * Computes the embeddings on a new daemon thread, for {@code embedAsync} of LangChain4j 1.20 and newer. If the
     * future is completed or cancelled before, the call is cancelled.
     */
    @Override
    public CompletableFuture<EmbeddingResponse> doEmbedAsync(EmbeddingRequest request) {
        return Futures.waiting("mlx4j-embed", () -> doEmbed(request));
    }

    private @Nullable String prompt(@Nullable EmbeddingInputType type) {
        return type == null ? promptName : type.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public Set<EmbeddingParameter<?>> supportedParameters() {
        return Set.of(EmbeddingRequestParameters.INPUT_TYPE);
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
        private @Nullable String promptName;
        private List<EmbeddingModelListener> listeners = List.of();

        private Builder(EmbeddingPort port) {
            this.port = port;
        }

        /** Sets the model name that listeners and responses report, because a port has no name. */
        public Builder modelName(String modelName) {
            this.modelName = modelName;
            return this;
        }

        /** Sets the model's prompt for requests without an input type. Default: the model's default prompt. */
        public Builder promptName(String promptName) {
            this.promptName = promptName;
            return this;
        }

        /** Sets the listeners that are notified of every request, response and error. */
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
