package io.github.mlx4j.testing;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.ToolCall;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link ScriptedTextGeneration} answers. Immutable.
 *
 * @param pieces the text, in the pieces in which a stream gives it
 * @param thinking what comes before it; empty is nothing
 * @param toolCalls the calls of tools that the answer has
 * @param finishReason why it ends
 * @param delay the time before each piece and before the end
 * @param failure what it ends with instead, after its pieces; {@code null} if it is completed
 */
public record ScriptedAnswer(
        List<String> pieces,
        String thinking,
        List<ToolCall> toolCalls,
        FinishReason finishReason,
        Duration delay,
        @Nullable Mlx4jException failure) {

    /** Takes immutable copies. */
    public ScriptedAnswer {
        pieces = List.copyOf(pieces);
        toolCalls = List.copyOf(toolCalls);
    }

    /** A text, streamed word by word. */
    public static ScriptedAnswer text(String text) {
        return pieces(text.split("(?<=\\s)"));
    }

    /** A text, streamed in these pieces. */
    public static ScriptedAnswer pieces(String... pieces) {
        return new ScriptedAnswer(List.of(pieces), "", List.of(), FinishReason.STOP, Duration.ZERO, null);
    }

    /** A failure without any text. */
    public static ScriptedAnswer failure(Mlx4jException failure) {
        return new ScriptedAnswer(List.of(), "", List.of(), FinishReason.STOP, Duration.ZERO, failure);
    }

    /** With thinking before it, in one piece. */
    public ScriptedAnswer withThinking(String thinking) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** With calls of tools, for which it ends. */
    public ScriptedAnswer withToolCalls(ToolCall... toolCalls) {
        return new ScriptedAnswer(pieces, thinking, List.of(toolCalls), FinishReason.TOOL_CALLS, delay, failure);
    }

    /** With another reason for its end. */
    public ScriptedAnswer withFinishReason(FinishReason finishReason) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** With a time before each piece and before the end. */
    public ScriptedAnswer withDelay(Duration delay) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** With a failure after its pieces. */
    public ScriptedAnswer withFailure(Mlx4jException failure) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }
}
