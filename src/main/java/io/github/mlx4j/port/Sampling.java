package io.github.mlx4j.port;

import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen. A value of {@code null} leaves the choice to the provider.
 *
 * @param temperature 0 takes the likeliest token always (greedy; the default of the workers), 1 follows the model's own
 *     distribution, more is wilder
 * @param topP only the likeliest tokens that together reach this probability are drawn from; 1 is off (default)
 * @param topK only this many of the likeliest tokens are drawn from; 0 is off (default); below the vocabulary's size
 * @param seed makes a sampled answer repeatable on the same machine and versions; not negative; random by default
 */
public record Sampling(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Long seed) {

    /** Everything left to the provider. */
    public static final Sampling DEFAULT = new Sampling(null, null, null, null);
}
