package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.Backend;
import java.util.List;

/** {@code rerank}: the params are the request. */
public final class Rerank {

    private Rerank() {}

    /** Returns the call for a request; {@code backend} is added to its result. */
    public static WorkerCall<RerankResult> call(RerankRequest request, Backend backend) {
        int documents = request.documents().size();
        return WorkerCall.of(Method.RERANK, request, Result.class).map(result -> {
            if (result.scores.size() != documents) {
                throw new IllegalArgumentException(
                        "received scores for %d of %d documents".formatted(result.scores.size(), documents));
            }
            return new RerankResult(result.scores, result.probabilities, result.promptTokens, backend);
        });
    }

    /** A {@link RerankResult} without its backend. */
    record Result(
            @Required List<Double> scores,
            @Required boolean probabilities,
            @Required int promptTokens) {}
}
