package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Result of {@code generate}. The text itself came in chunks before.
 *
 * @param finishReason {@code stop} or {@code length}
 * @param stop the stop string that ended it, or {@code null}
 * @param chunks how many chunks came before
 * @param usage tokens taken
 * @param timings where the time went, in milliseconds
 */
public record GenerateResult(
        String finishReason, @Nullable String stop, int chunks, TokenUsage usage, TimingsMs timings) {

    /**
     * Tokens.
     *
     * @param promptTokens of the prompt
     * @param completionTokens generated, the end token included
     */
    public record TokenUsage(int promptTokens, int completionTokens) {}

    /**
     * Milliseconds.
     *
     * @param queueMs from arrival to the engine
     * @param prefillMs from there to the first token
     * @param firstTokenMs from arrival to the first token
     * @param decodeMs from the first token to the last
     */
    public record TimingsMs(double queueMs, double prefillMs, double firstTokenMs, double decodeMs) {}
}
