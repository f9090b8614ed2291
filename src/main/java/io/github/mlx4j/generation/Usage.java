package io.github.mlx4j.generation;

/**
 * What an answer took, in tokens. A remote provider may not tell all of it; that is 0 then.
 *
 * @param promptTokens tokens of the prompt, chat template included
 * @param completionTokens tokens that the model generated, its end token included
 * @param cachedTokens of the prompt's tokens, those that were still known from an earlier request
 * @param thinkingTokens of the generated tokens, those of thinking, its marks included
 * @param draftedTokens of the generated tokens, those that the draft model guessed
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens, int thinkingTokens, int draftedTokens) {

    /** With nothing cached, thought or drafted. */
    public Usage(int promptTokens, int completionTokens) {
        this(promptTokens, completionTokens, 0, 0, 0);
    }

    /** Prompt and answer together. */
    public int totalTokens() {
        return promptTokens + completionTokens;
    }
}
