package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.port.Score;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code tokenize}, {@code countTokens}, {@code applyTemplate} and {@code score}: calls about the prompt of a request.
 */
public final class Prompts {

    private Prompts() {}

    /** Returns a call for the token IDs of a prompt. */
    public static WorkerCall<List<Integer>> tokenize(GenerationRequest request) {
        return WorkerCall.of(Method.TOKENIZE, Params.of(request, null), Tokens.class)
                .map(Tokens::tokens);
    }

    /** Returns a call for the number of tokens in a prompt. */
    public static WorkerCall<Integer> countTokens(GenerationRequest request) {
        return WorkerCall.of(Method.COUNT_TOKENS, Params.of(request, null), Count.class)
                .map(Count::count);
    }

    /** Returns a call for the text that the chat template creates from a chat. */
    public static WorkerCall<String> applyTemplate(GenerationRequest request) {
        return WorkerCall.of(Method.APPLY_TEMPLATE, Params.of(request, null), Text.class)
                .map(Text::text);
    }

    /** Returns a call for the probability of a completion of a prompt. */
    public static WorkerCall<Score> score(GenerationRequest request, String completion) {
        return WorkerCall.of(Method.SCORE, Params.of(request, completion), Score.class)
                .map(Prompts::checked);
    }

    private static Score checked(Score score) {
        if (score.tokens().size() != score.logProbs().size()) {
            throw new IllegalArgumentException("%d tokens have %d log-probabilities"
                    .formatted(score.tokens().size(), score.logProbs().size()));
        }
        return score;
    }

    /**
     * The params.
     *
     * @param prompt a chat, text or tokens
     * @param tools the tools that the model may call
     * @param thinking whether the model thinks, or {@code null} for the template's default
     * @param completion of {@code score}: the text after the prompt
     */
    record Params(
            @JsonUnwrapped Prompt prompt,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) List<ToolSpec> tools,
            @Nullable Boolean thinking,
            @Nullable String completion) {

        static Params of(GenerationRequest request, @Nullable String completion) {
            return new Params(request.prompt(), request.tools(), request.thinking(), completion);
        }
    }

    record Tokens(@Required List<Integer> tokens) {}

    record Count(@Required int count) {}

    record Text(@Required String text) {}
}
