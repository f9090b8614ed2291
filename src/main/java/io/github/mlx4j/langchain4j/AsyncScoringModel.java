package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.scoring.request.ScoringRequest;
import dev.langchain4j.model.scoring.response.ScoringResponse;
import java.util.concurrent.CompletableFuture;

/** A scoring model with {@code scoreAsync}; see {@link AsyncCalls}. */
final class AsyncScoringModel extends Mlx4jScoringModel {

    AsyncScoringModel(Builder builder) {
        super(builder);
    }

    /**
     * Computes the scores on a new daemon thread. The call is cancelled if the future is completed or cancelled before.
     */
    @Override
    public CompletableFuture<ScoringResponse> doScoreAsync(ScoringRequest request) {
        return Futures.waiting("mlx4j-score", () -> {
            if (request.modelName() != null) {
                throw Requests.unsupported("modelName", "the port that the model was created with determines it");
            }
            Scored scored = score(request.documents(), request.query());
            return ScoringResponse.builder()
                    .scores(scored.scores())
                    .modelName(scored.model())
                    .tokenUsage(scored.usage())
                    .build();
        });
    }
}
