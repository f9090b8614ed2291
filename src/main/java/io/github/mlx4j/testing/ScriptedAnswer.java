package io.github.mlx4j.testing;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.ToolCall;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An answer of a {@link ScriptedTextGeneration}. Immutable.
 *
 * @param pieces the text, in the pieces in which it is streamed
 * @param thinking the thinking before the text; empty for none
 * @param toolCalls the answer's tool calls
 * @param finishReason why the answer ends
 * @param delay the time to wait before each piece and before the end
 * @param failure the error with which the answer ends after its pieces; {@code null} if it completes normally
 */
public record ScriptedAnswer(
        List<String> pieces,
        String thinking,
        List<ToolCall> toolCalls,
        FinishReason finishReason,
        Duration delay,
        @Nullable Mlx4jException failure) {

    /** Copies the lists. */
    public ScriptedAnswer {
        pieces = List.copyOf(pieces);
        toolCalls = List.copyOf(toolCalls);
    }

    /** Creates an answer with a text that is streamed word by word. */
    public static ScriptedAnswer text(String text) {
        return pieces(text.split("(?<=\\s)"));
    }

    /** Creates an answer with a text that is streamed in the given pieces. */
    public static ScriptedAnswer pieces(String... pieces) {
        return new ScriptedAnswer(List.of(pieces), "", List.of(), FinishReason.STOP, Duration.ZERO, null);
    }

    /** Creates an answer that fails without any text. */
    public static ScriptedAnswer failure(Mlx4jException failure) {
        return new ScriptedAnswer(List.of(), "", List.of(), FinishReason.STOP, Duration.ZERO, failure);
    }

    /** Returns a copy with thinking before the text, in one piece. */
    public ScriptedAnswer withThinking(String thinking) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** Returns a copy with tool calls, and with tool calls as its finish reason. */
    public ScriptedAnswer withToolCalls(ToolCall... toolCalls) {
        return new ScriptedAnswer(pieces, thinking, List.of(toolCalls), FinishReason.TOOL_CALLS, delay, failure);
    }

    /** Returns a copy with another finish reason. */
    public ScriptedAnswer withFinishReason(FinishReason finishReason) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** Returns a copy that waits for {@code delay} before each piece and before the end. */
    public ScriptedAnswer withDelay(Duration delay) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }

    /** Returns a copy that fails after its pieces. */
    public ScriptedAnswer withFailure(Mlx4jException failure) {
        return new ScriptedAnswer(pieces, thinking, toolCalls, finishReason, delay, failure);
    }
}
