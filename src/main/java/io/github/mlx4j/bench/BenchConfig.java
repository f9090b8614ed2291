package io.github.mlx4j.bench;

/**
 * The settings of a benchmark.
 *
 * @param promptTokens the approximate prompt length in tokens, including the chat template
 * @param maxTokens the maximum number of tokens of an answer
 * @param runs how often each provider is loaded and measured
 * @param training whether to measure some training steps too
 */
public record BenchConfig(int promptTokens, int maxTokens, int runs, boolean training) {

    /**
     * Checks the values.
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
