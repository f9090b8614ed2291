package io.github.mlx4j.generation;

import io.github.mlx4j.provider.Backend;
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
 * @param tokens the ids of all tokens generated but the end token, those of thinking and calls too; empty of a remote
 *     provider, which tells none
 * @param logProbs how likely each of {@code tokens} was; empty unless {@link GenerationRequest#logProbs()} asks for it
 * @param finishReason why it ended
 * @param matchedStop the stop string that ended it, or {@code null}; read it with {@link #stopString()}
 * @param usage tokens taken
 * @param timings where the time went
 * @param backend who gave it
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

    /** An answer of a model without experts. */
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

    /** The expert of a DyLoRA-MoE that answered, if the model is one. */
    public Optional<String> expert() {
        return Optional.ofNullable(chosenExpert);
    }
}
