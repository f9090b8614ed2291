package io.github.mlx4j.bench;

/**
 * What is run.
 *
 * @param promptTokens about so many tokens a prompt, chat template included
 * @param maxTokens the most tokens of an answer
 * @param runs how often each provider is loaded and asked
 * @param training whether some steps of training are measured too
 */
public record BenchConfig(int promptTokens, int maxTokens, int runs, boolean training) {

    /**
     * Checks them.
     *
     * @throws IllegalArgumentException unless all numbers are 1 or more, and {@code maxTokens} 2 or more
     */
    public BenchConfig {
        if (promptTokens < 1 || maxTokens < 2 || runs < 1) {
            throw new IllegalArgumentException(
                    "promptTokens and runs must be 1 or more, maxTokens 2 or more, because a speed can be measured only over two tokens");
        }
    }
}
