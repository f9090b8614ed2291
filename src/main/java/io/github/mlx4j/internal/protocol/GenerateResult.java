package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code generate}. The text itself came in chunks before.
 *
 * @param finishReason {@code stop}, {@code toolCalls} or {@code length}
 * @param stop the stop string that ended it, or {@code null}
 * @param chunks how many chunks came before
 * @param usage tokens taken
 * @param toolCalls the calls that the model made
 * @param expert the expert of a DyLoRA-MoE that answered
 * @param unreadToolCalls those that can't be read
 * @param thinkingIsAnswer whether the chunks of thinking were the answer, which then came once more as text
 * @param timings where the time went, in milliseconds
 */
public record GenerateResult(
        String finishReason,
        @Nullable String stop,
        int chunks,
        TokenUsage usage,
        List<ToolCallData> toolCalls,
        @Nullable String expert,
        List<UnreadCall> unreadToolCalls,
        boolean thinkingIsAnswer,
        TimingsMs timings) {

    /** A worker of an older minor version knows no tools. */
    public GenerateResult {
        toolCalls = Objects.requireNonNullElse(toolCalls, List.of());
        unreadToolCalls = Objects.requireNonNullElse(unreadToolCalls, List.of());
    }

    /**
     * Tokens; 0 where an older worker does not say.
     *
     * @param promptTokens of the prompt
     * @param completionTokens generated, the end token included
     * @param cachedTokens of the prompt, those that came from the prefix cache
     * @param thinkingTokens of the generated ones, those of thinking
     * @param draftedTokens of the generated ones, those that the draft model guessed
     */
    public record TokenUsage(
            int promptTokens, int completionTokens, int cachedTokens, int thinkingTokens, int draftedTokens) {}

    /**
     * A call that can't be read.
     *
     * @param text what is between its marks
     * @param reason why
     */
    public record UnreadCall(String text, String reason) {}

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
