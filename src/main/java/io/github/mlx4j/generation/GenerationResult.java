package io.github.mlx4j.generation;

import io.github.mlx4j.provider.Backend;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A complete answer.
 *
 * @param text the whole text, without end token, stop string, thinking and tool calls
 * @param thinking the model's thinking; may be empty
 * @param toolCalls the tool calls of the model
 * @param unreadToolCalls the malformed tool calls of the model
 * @param tokens the ids of all generated tokens except the end token, including thinking and tool calls; empty for
 *     remote providers, which don't report them
 * @param logProbs the log probability of each of {@code tokens}; empty unless {@link GenerationRequest#logProbs()}
 *     requests it
 * @param finishReason why generation ended
 * @param matchedStop the stop string that ended it, or {@code null}; read it with {@link #stopString()}
 * @param usage token counts
 * @param timings durations of the phases
 * @param backend the backend that generated it
 * @param chosenExpert the expert of a DyLoRA-MoE that answered, or {@code null}; read it with {@link #expert()}
 */
public record GenerationResult(
        String text,
        String thinking,
        List<ToolCall> toolCalls,
        List<MalformedToolCall> unreadToolCalls,
        List<Integer> tokens,
        List<TokenLogProb> logProbs,
        FinishReason finishReason,
        @Nullable String matchedStop,
        Usage usage,
        Timings timings,
        Backend backend,
        @Nullable String chosenExpert) {

    /** An answer from a model without experts. */
    public GenerationResult(
            String text,
            String thinking,
            List<ToolCall> toolCalls,
            List<MalformedToolCall> unreadToolCalls,
            List<Integer> tokens,
            List<TokenLogProb> logProbs,
            FinishReason finishReason,
            @Nullable String matchedStop,
            Usage usage,
            Timings timings,
            Backend backend) {
        this(
                text,
                thinking,
                toolCalls,
                unreadToolCalls,
                tokens,
                logProbs,
                finishReason,
                matchedStop,
                usage,
                timings,
                backend,
                null);
    }

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

    /** The expert that answered, if the model is a DyLoRA-MoE. */
    public Optional<String> expert() {
        return Optional.ofNullable(chosenExpert);
    }
}
