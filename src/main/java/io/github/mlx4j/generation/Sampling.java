package io.github.mlx4j.generation;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen. A value of {@code null} leaves the choice to the provider: the workers take the model
 * author's, where {@code generation_config.json} beside the model states one, and else the default below.
 *
 * @param temperature 0 takes the likeliest token always (greedy; the default), 1 follows the model's own distribution,
 *     more is wilder; at most 100
 * @param topP only the likeliest tokens that together reach this probability are drawn from; 1 is off (default)
 * @param topK only this many of the likeliest tokens are drawn from; 0 is off (default); below the vocabulary's size
 * @param minP only tokens with at least this share of the likeliest one's probability are drawn from, 0 to 1; 0 is off
 *     (default)
 * @param seed makes a sampled answer repeatable on the same machine and versions; not negative; random by default
 * @param repetitionPenalty makes tokens of the prompt and the answer less likely: divides their positive logits and
 *     multiplies their negative ones; above 0, up to 10; 1 is off (default)
 * @param presencePenalty is taken from the logits of tokens that are in the answer, -10 to 10; 0 is off (default)
 * @param frequencyPenalty the same, times how often they are in it; -10 to 10; 0 is off (default)
 * @param logitBias what is added to the logits of single tokens, by token id; -100 to 100, at most 1024; empty by
 *     default. Penalties and the bias have an effect at temperature 0 too
 */
public record Sampling(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Double minP,
        @Nullable Long seed,
        @Nullable Double repetitionPenalty,
        @Nullable Double presencePenalty,
        @Nullable Double frequencyPenalty,
        Map<Integer, Double> logitBias) {

    /** Everything left to the provider. */
    public static final Sampling DEFAULT = new Sampling(null, null, null, null, null, null, null, null, Map.of());

    /** Takes an immutable copy. */
    public Sampling {
        logitBias = Map.copyOf(logitBias);
    }
}
