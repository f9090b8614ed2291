package io.github.mlx4j.generation;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen. {@code null} leaves a value to the provider: the workers use the value in the model's
 * {@code generation_config.json} if it has one, otherwise the default below.
 *
 * @param temperature 0 always picks the most probable token (greedy; the default), 1 samples from the model's
 *     distribution, higher values flatten it; at most 100
 * @param topP samples from the most probable tokens whose probabilities add up to this value; 1 disables it (default)
 * @param topK samples from this many most probable tokens, fewer than the vocabulary size; 0 disables it (default)
 * @param minP drops tokens less probable than this fraction of the most probable one, 0 to 1; 0 disables it (default)
 * @param seed random seed, for reproducible sampling on the same machine with the same versions; not negative; random
 *     by default
 * @param repetitionPenalty penalizes tokens of the prompt and the answer: divides their positive logits by this value
 *     and multiplies their negative ones; above 0, up to 10; 1 disables it (default)
 * @param presencePenalty subtracted from the logits of tokens that are in the answer, -10 to 10; 0 disables it
 *     (default)
 * @param frequencyPenalty subtracted once per occurrence of a token in the answer, -10 to 10; 0 disables it (default)
 * @param logitBias added to the logits of individual tokens, by token id; -100 to 100, at most 1024 entries; empty by
 *     default. Penalties and bias also apply at temperature 0
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

    /** Leaves every value to the provider. */
    public static final Sampling DEFAULT = new Sampling(null, null, null, null, null, null, null, null, Map.of());

    /** Takes an immutable copy. */
    public Sampling {
        logitBias = Map.copyOf(logitBias);
    }
}
