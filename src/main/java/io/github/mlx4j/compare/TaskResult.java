package io.github.mlx4j.compare;

import org.jspecify.annotations.Nullable;

/**
 * A model's result for one task.
 *
 * @param arm the model
 * @param task the task's id
 * @param answer the answer, decoded greedily; {@code null} if the model could not process the task
 * @param passed whether the answer is correct; {@code null} if it is not judged
 * @param failure why the answer's code fails its test; {@code null} if it passes or is not code
 * @param cut whether the answer was truncated by the token limit or the model's context
 * @param tokens how many tokens the model generated
 * @param seconds the time from when the engine started on the request to the last token
 * @param firstTokenSeconds the time from the request's arrival at the engine to the first token
 * @param tokensPerSecond the speed from the first token on; {@code null} if there are fewer than two tokens
 * @param logProb the log-probability of the expected text; {@code null} if it was not scored
 * @param scoredTokens how many tokens the expected text has; {@code null} if it was not scored
 * @param error why the model could not process the task or the expected text; {@code null} if it could
 */
public record TaskResult(
        Variant arm,
        String task,
        @Nullable String answer,
        @Nullable Boolean passed,
        @Nullable String failure,
        boolean cut,
        int tokens,
        double seconds,
        double firstTokenSeconds,
        @Nullable Double tokensPerSecond,
        @Nullable Double logProb,
        @Nullable Integer scoredTokens,
        @Nullable String error) {}
