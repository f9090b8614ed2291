package io.github.mlx4j.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Scores documents with a reranker as a LangChain4j {@link ScoringModel}. The scores are those of
 * {@link RerankResult#scores()}. LangChain4j 1.20 and newer can also call {@code scoreAsync}; cancelling its future
 * cancels the call. Thread-safe. The model does not close its port: close the object that created the port yourself.
 */
public sealed class Mlx4jScoringModel implements ScoringModel permits AsyncScoringModel {

    private final RerankPort port;
    private final @Nullable String instruction;
    private final boolean truncate;

    Mlx4jScoringModel(Builder builder) {
        port = builder.port;
        instruction = builder.instruction;
        truncate = builder.truncate;
    }

    /** Returns a builder of a model that uses this port. */
    public static Builder builder(RerankPort port) {
        return new Builder(port);
    }

    @Override
    public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
        Scored scored = score(segments.stream().map(TextSegment::text).toList(), query);
        return Response.from(scored.scores(), scored.usage());
    }

    /** Scores and the name of the model; the name is null if there were no documents. */
    record Scored(
            List<Double> scores, TokenUsage usage, @Nullable String model) {}

    final Scored score(List<String> documents, String query) {
        List<Double> scores = new ArrayList<>();
        int tokens = 0;
        String model = null;
        try {
            for (int i = 0; i < documents.size(); i += RerankPort.MAX_DOCUMENTS) {
                List<String> some = documents.subList(i, Math.min(documents.size(), i + RerankPort.MAX_DOCUMENTS));
                RerankResult result = port.rerank(new RerankRequest(query, some, instruction, truncate));
                scores.addAll(result.scores());
                tokens += result.promptTokens();
                model = result.backend().model();
            }
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
        return new Scored(scores, new TokenUsage(tokens, 0), model);
    }

    /** Builds a {@link Mlx4jScoringModel}. Not thread-safe. */
    public static final class Builder {
        private final RerankPort port;
        private @Nullable String instruction;
        private boolean truncate;

        private Builder(RerankPort port) {
            this.port = port;
        }

        /** Sets the task description, one sentence. Default: the model's own. */
        public Builder instruction(String instruction) {
            this.instruction = instruction;
            return this;
        }

        /**
         * Sets whether a segment that is too long for the model is truncated at its end. By default such a segment
         * fails the call.
         */
        public Builder truncate(boolean truncate) {
            this.truncate = truncate;
            return this;
        }

        /** Builds the model. */
        public Mlx4jScoringModel build() {
            return AsyncCalls.arePresent() ? new AsyncScoringModel(this) : new Mlx4jScoringModel(this);
        }
    }
}
