package io.github.mlx4j.port;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A finished answer.
 *
 * @param text the whole text, without end token and stop string, thinking and calls of tools
 * @param thinking what the model thought before it answered; empty if nothing
 * @param toolCalls the calls of tools that the model made
 * @param unreadToolCalls those of its calls that can't be read
 * @param tokens the ids of all tokens generated but the end token, those of thinking and calls too
 * @param logProbs how likely each of {@code tokens} was; empty unless {@link GenerationRequest#logProbs()} asks for it
 * @param finishReason why it ended
 * @param matchedStop the stop string that ended it, or {@code null}; read it with {@link #stopString()}
 * @param usage tokens taken
 * @param timings where the time went
 * @param backend who gave it
 */
public record GenerationResult(
        String text,
        String thinking,
        List<ToolCall> toolCalls,
        List<UnreadToolCall> unreadToolCalls,
        List<Integer> tokens,
        List<TokenLogProb> logProbs,
        FinishReason finishReason,
        @Nullable String matchedStop,
        Usage usage,
        Timings timings,
        Backend backend) {

    /** Takes immutable copies. */
    public GenerationResult {
        toolCalls = List.copyOf(toolCalls);
        unreadToolCalls = List.copyOf(unreadToolCalls);
        tokens = List.copyOf(tokens);
        logProbs = List.copyOf(logProbs);
    }

    /** The stop string that ended the answer, if one did. */
    public Optional<String> stopString() {
        return Optional.ofNullable(matchedStop);
    }
}
