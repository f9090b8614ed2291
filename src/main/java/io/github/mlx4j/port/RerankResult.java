package io.github.mlx4j.port;

import io.github.mlx4j.provider.Backend;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The scores of documents. A higher score means more relevant.
 *
 * @param scores the score of each document, in the order of the request. If {@code probabilities} is true, a score is
 *     between 0 and 1: for a model that answers yes or no, the probability of yes relative to no; for a classifier, the
 *     sigmoid of its logit. Otherwise a score is the unbounded logit
 * @param probabilities whether the scores are between 0 and 1, which is the case unless the model's files disable it
 * @param promptTokens the number of tokens that the model read: for each document, its own with those of the query and
 *     the prompt
 * @param backend the model and the engine that computed the scores
 */
public record RerankResult(List<Double> scores, boolean probabilities, int promptTokens, Backend backend) {

    /**
     * A document's index and score.
     *
     * @param index the index of the document in the request
     * @param score its score
     */
    public record Ranked(int index, double score) {}

    /** Takes an immutable copy. */
    public RerankResult {
        scores = List.copyOf(scores);
    }

    /** The documents from the most to the least relevant; those with equal scores are in the order of the request. */
    public List<Ranked> ranked() {
        return IntStream.range(0, scores.size())
                .mapToObj(index -> new Ranked(index, scores.get(index)))
                .sorted(Comparator.comparingDouble(Ranked::score).reversed())
                .toList();
    }
}
