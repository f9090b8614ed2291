package io.github.mlx4j.port;

import io.github.mlx4j.provider.Backend;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The scores of documents. A higher score means more relevant.
 *
 * @param scores the score of each document, in the order of the request. Where {@code probabilities} is true, a score
 *     is from 0 to 1: for a model that answers yes or no, the probability of yes against no; for a classifier, the
 *     sigmoid of its logit. Otherwise a score is the logit itself, without bounds
 * @param probabilities whether the scores are from 0 to 1. They are, unless the model's author has switched that off in
 *     the model's files
 * @param promptTokens how many tokens the model read: those of each document, with the query and the prompt
 * @param backend the model and the engine that gave the scores
 */
public record RerankResult(List<Double> scores, boolean probabilities, int promptTokens, Backend backend) {

    /**
     * A document's place in the request, and its score.
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
