package io.github.mlx4j.generation;

/**
 * Token counts of an answer. A count that a remote provider does not report is 0.
 *
 * @param promptTokens tokens of the prompt, including the chat template
 * @param completionTokens generated tokens, including the end token
 * @param cachedTokens prompt tokens that were cached from an earlier request
 * @param thinkingTokens generated tokens that are thinking, including its markers
 * @param draftedTokens generated tokens that the draft model proposed
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens, int thinkingTokens, int draftedTokens) {

    /** Counts without cached, thinking and drafted tokens. */
    public Usage(int promptTokens, int completionTokens) {
        this(promptTokens, completionTokens, 0, 0, 0);
    }

    /** The sum of prompt and completion tokens. */
    public int totalTokens() {
        return promptTokens + completionTokens;
    }
}
