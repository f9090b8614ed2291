package io.github.mlx4j.port;

/**
 * What an answer took, in tokens.
 *
 * @param promptTokens tokens of the prompt, chat template included
 * @param completionTokens tokens that the model generated, its end token included
 */
public record Usage(int promptTokens, int completionTokens) {

    /** Both together. */
    public int totalTokens() {
        return promptTokens + completionTokens;
    }
}
